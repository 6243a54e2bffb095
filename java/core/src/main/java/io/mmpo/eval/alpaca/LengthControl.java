package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.mmpo.MmpoException;
import io.mmpo.spec.SampleMean;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The length-controlled win-rate (Dubois et al., arXiv 2404.04475): a logistic model of the verdicts on the difference of the
 * answers' lengths, the instruction's difficulty and the model; what it predicts where answers have the same length.
 *
 * @param winRate in percent; standardError of it
 * @param inversePenalty the C that cross-validation chose
 * @param coefficients by the names that alpaca_eval gives them
 */
public record LengthControl(
        Model model, double winRate, double standardError, double inversePenalty, Map<String, Double> coefficients) {
    /** Both gamed baselines together weigh a fifth of the model's own rows. */
    private static final double GAMED_WEIGHT = 0.2 / 2;

    private static final String LENGTH = "np.tanh(std_delta_len)";
    private static final String DIFFICULTY = "instruction_difficulty";
    private static final String CONSTANT = "not_gamed_baseline.astype(float)";

    /** alpaca_eval's models of verdicts. */
    public enum Model {
        /** The leaderboard's: with difficulties, held to the gamed baselines. */
        @JsonProperty("length_controlled_v1")
        V1,
        /** With difficulties alone. */
        @JsonProperty("length_controlled_noreg")
        NOREG,
        /** Length and model alone, which needs no other file. */
        @JsonProperty("length_controlled_minimal")
        MINIMAL;

        boolean needsGamedRows() {
            return this != MINIMAL;
        }
    }

    static LengthControl of(Annotations annotations, Optional<GamedRows> gamed, Model model) {
        if (model.needsGamedRows() && gamed.isEmpty()) {
            throw MmpoException.configuration(
                    "The length-controlled win-rate %s needs the gamed rows, which also say how hard an instruction is, and none are given."
                            + " Give alpaca_eval's df_gamed.csv with --gamed, or take --glm minimal.",
                    model.name().toLowerCase(Locale.ROOT));
        }
        List<Annotation> rows = annotations.rows();
        double unit = lengthUnit(rows);
        List<double[]> features = new ArrayList<>();
        List<Double> targets = new ArrayList<>();
        List<Double> weights = new ArrayList<>();
        if (model == Model.V1) {
            for (GamedRows.Row row : gamed.orElseThrow().rows()) {
                features.add(new double[] {Math.tanh(row.lengthDifference()), 0, row.difficulty()});
                targets.add(row.share());
                weights.add(GAMED_WEIGHT);
            }
        }
        for (Annotation row : rows) {
            if (row.isJudged()) {
                features.add(features(Math.tanh(row.lengthDifference() / unit), row, gamed, model));
                targets.add(row.share());
                weights.add(1.0);
            }
        }
        DesignMatrix data = new DesignMatrix(
                features.toArray(double[][]::new),
                targets.stream().mapToDouble(target -> target).toArray(),
                weights.stream().mapToDouble(weight -> weight).toArray());
        double inversePenalty = PenaltySearch.choose(data);
        double[] coefficients = LassoLogistic.fit(data, inversePenalty);
        double[] predicted = rows.stream()
                .mapToDouble(row -> predict(features(0, row, gamed, model), coefficients))
                .toArray();
        SampleMean mean = SampleMean.of(predicted);
        return new LengthControl(
                model, 100 * mean.value(), 100 * mean.standardError(), inversePenalty, named(coefficients));
    }

    /** The differences' standard deviation; where none differs there is nothing to divide. */
    private static double lengthUnit(List<Annotation> rows) {
        double deviation = SampleMean.of(
                        rows.stream().mapToDouble(Annotation::lengthDifference).toArray())
                .standardDeviation();
        return deviation > 0 ? deviation : 1;
    }

    /** tanh of the length difference, the constant of what is no gamed baseline, and the difficulty where the model has it. */
    private static double[] features(double lengthFeature, Annotation row, Optional<GamedRows> gamed, Model model) {
        return model == Model.MINIMAL
                ? new double[] {lengthFeature, 1}
                : new double[] {lengthFeature, 1, gamed.orElseThrow().difficulty(row)};
    }

    private static double predict(double[] features, double[] coefficients) {
        double z = 0;
        for (int i = 0; i < features.length; i++) {
            z += features[i] * coefficients[i];
        }
        return LassoLogistic.sigmoid(z);
    }

    private static Map<String, Double> named(double[] coefficients) {
        Map<String, Double> named = new LinkedHashMap<>();
        named.put(LENGTH, coefficients[0]);
        if (coefficients.length > 2) {
            named.put(DIFFICULTY, coefficients[2]);
        }
        named.put(CONSTANT, coefficients[1]);
        return named;
    }
}
