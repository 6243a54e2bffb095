package io.mmpo.eval.alpaca;

/**
 * A judge's verdict on the model's answer beside the baseline's.
 *
 * @param index of the instruction in AlpacaEval's set
 * @param baselineLength of the baseline's answer, in Unicode code points; so is modelLength
 * @param preference 1: the baseline's answer; 2: the model's; between them: how likely the judge is to choose the model's, plus 1;
 *     NaN: the judge gave none
 */
record Annotation(int index, long baselineLength, long modelLength, double preference) {
    static final double DRAW = 1.5;

    boolean isJudged() {
        return !Double.isNaN(preference);
    }

    /** How far the model's answer is preferred, in [0, 1]. */
    double share() {
        return preference - 1;
    }

    long lengthDifference() {
        return baselineLength - modelLength;
    }
}
