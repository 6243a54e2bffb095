package io.mmpo;

/**
 * How a model's implicit rewards order pairs of answers.
 *
 * @param accuracy share of the pairs whose chosen answer has the greater reward
 * @param standardError of the accuracy; NaN of one pair
 * @param chosenReward mean; rejectedReward likewise
 */
public record RewardEvaluation(
        int pairs, double accuracy, double standardError, double chosenReward, double rejectedReward) {
    public double margin() {
        return chosenReward - rejectedReward;
    }
}
