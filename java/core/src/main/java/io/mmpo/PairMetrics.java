package io.mmpo;

/**
 * Means over preference pairs.
 *
 * @param chosenReward implicit reward of the chosen response; rejectedReward likewise
 * @param rewardAccuracy share of the pairs whose chosen response has the greater reward
 * @param rewardMargin the chosen's reward minus the rejected's
 * @param chosenLogp log-probability of the chosen response in nats, over its tokens where the loss is made from such means;
 *     rejectedLogp likewise
 */
public record PairMetrics(
        double chosenReward,
        double rejectedReward,
        double rewardAccuracy,
        double rewardMargin,
        double chosenLogp,
        double rejectedLogp) {}
