package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every loss through a whole run of one pair: the loss of a line is the formula of the log-probabilities that the line logs, written
 * here a second time from TRL's source. The first step's rate is 0, so its log-probabilities are the reference's.
 */
class EveryLossTrainingTest {
    private static final double BETA = 0.3;
    private static final double SMOOTHING = 0.1;

    @TempDir
    Path directory;

    /** w, l: log-probabilities; refW, refL: the reference's; nW, nL: tokens. */
    record Values(double w, double l, double refW, double refL, double nW, double nL) {
        double u() {
            return w - refW;
        }

        double v() {
            return l - refL;
        }

        double z() {
            return BETA * (u() - v());
        }
    }

    interface Formula {
        double of(Values pair);
    }

    static Stream<Arguments> losses() {
        return Stream.of(
                loss(Map.of("loss_type", "sigmoid"), p -> -logSigmoid(p.z())),
                loss(Map.of("loss_type", "hinge"), p -> Math.max(0, 1 - p.z())),
                loss(Map.of("loss_type", "ipo"), p -> square(p.u() / p.nW() - p.v() / p.nL() - 1 / (2 * BETA))),
                loss(Map.of("loss_type", "sigmoid_norm"), p -> -logSigmoid(BETA * (p.u() / p.nW() - p.v() / p.nL()))),
                loss(Map.of("loss_type", "exo_pair", "label_smoothing", SMOOTHING), EveryLossTrainingTest::exo),
                loss(
                        Map.of("loss_type", "robust", "label_smoothing", SMOOTHING),
                        p -> (-(1 - SMOOTHING) * logSigmoid(p.z()) + SMOOTHING * logSigmoid(-p.z()))
                                / (1 - 2 * SMOOTHING)),
                loss(Map.of("loss_type", "discopop", "discopop_tau", 0.5), EveryLossTrainingTest::discopop),
                loss(
                        Map.of("loss_type", "nca_pair"),
                        p -> -logSigmoid(BETA * p.u())
                                - 0.5 * logSigmoid(-BETA * p.u())
                                - 0.5 * logSigmoid(-BETA * p.v())),
                loss(Map.of("loss_type", "bco_pair"), p -> -logSigmoid(BETA * p.u()) - logSigmoid(-BETA * p.v())),
                loss(Map.of("loss_type", "sppo_hard"), p -> square(p.u() - 0.5 / BETA) + square(p.v() + 0.5 / BETA)),
                loss(Map.of("loss_type", "apo_zero"), p -> 1 - sigmoid(BETA * p.u()) + sigmoid(BETA * p.v())),
                loss(Map.of("loss_type", "apo_down"), p -> sigmoid(BETA * p.u()) + 1 - sigmoid(p.z())),
                loss(Map.of("loss_type", "aot"), p -> -logSigmoid(p.z())),
                loss(Map.of("loss_type", "aot_unpaired"), p -> -logSigmoid(p.z())),
                loss(
                        Map.of("loss_type", "hinge", "f_divergence_type", "js_divergence"),
                        p -> Math.max(0, 1 - BETA * (logSigmoid(p.u()) - logSigmoid(p.v())))),
                loss(
                        Map.of("loss_type", "sigmoid", "f_divergence_type", "forward_kl"),
                        p -> -logSigmoid(BETA * (Math.exp(-p.v()) - Math.exp(-p.u())))),
                loss(
                        Map.of(
                                "loss_type",
                                List.of("sigmoid", "bco_pair", "sft"),
                                "loss_weights",
                                List.of(0.8, 0.2, 0.5)),
                        p -> -0.8 * logSigmoid(p.z())
                                + 0.2 * (-logSigmoid(BETA * p.u()) - logSigmoid(-BETA * p.v()))
                                - 0.5 * p.w() / p.nW()),
                loss(Map.of("loss_type", "cpo"), p -> -logSigmoid(BETA * (p.w() - p.l())) - p.w() / p.nW()),
                loss(
                        Map.of("loss_type", "hinge", "cpo_alpha", 0.5),
                        p -> Math.max(0, 1 - BETA * (p.w() - p.l())) - 0.5 * p.w() / p.nW()),
                // These log means over tokens, as TRL does.
                loss(Map.of("loss_type", "ipo", "cpo_alpha", 0.0), p -> square(p.w() - p.l() - 1 / (2 * BETA))),
                loss(
                        Map.of("loss_type", "simpo", "simpo_gamma", 0.7, "cpo_alpha", 0.2),
                        p -> -logSigmoid(BETA * (p.w() - p.l()) - 0.7) - 0.2 * p.w()),
                loss(
                        Map.of("loss_type", "simpo", "simpo_gamma", 0.7, "alpha", 0.25),
                        p -> -logSigmoid(BETA * (shaped(p.w(), 0.25) - shaped(p.l(), 0.25)) - 0.7)),
                loss(
                        Map.of("loss_type", "cpo", "cpo_alpha", 0.0, "alpha", -0.01),
                        p -> -logSigmoid(BETA * (shaped(p.w(), -0.01) - shaped(p.l(), -0.01)))),
                // What is logged, of the reference too, counts the longer response's last tokens less.
                loss(Map.of("loss_type", "sigmoid", "ld_alpha", 0.4), p -> -logSigmoid(p.z())),
                loss(Map.of("loss_type", "orpo"), EveryLossTrainingTest::orpo));
    }

    private static Arguments loss(Map<String, ?> keys, Formula formula) {
        return Arguments.of(keys, formula);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("losses")
    void logsTheLossOfItsLogProbabilities(Map<String, ?> keys, Formula formula) throws IOException {
        Path rows = GoldenRun.writeRows(directory);
        JsonNode pair = GoldenRun.golden().get("pairs").get(3);
        Files.writeString(rows, pair + "\n");
        Path output = directory.resolve("run");
        Map<String, Object> settings = new HashMap<>(Map.of(
                "beta",
                BETA,
                "per_device_train_batch_size",
                1,
                "gradient_accumulation_steps",
                1,
                "warmup_steps",
                1,
                "max_steps",
                6));
        settings.putAll(keys);
        Trainer.run(GoldenRun.config(rows, output, settings), ProgressListener.silent());
        List<JsonNode> lines = GoldenRun.metrics(output, "grad_norm");
        assertThat(lines).hasSize(6);
        double refW = lines.getFirst().get("logps/chosen").doubleValue();
        double refL = lines.getFirst().get("logps/rejected").doubleValue();
        double moved = 0;
        for (JsonNode line : lines) {
            double w = line.get("logps/chosen").doubleValue();
            double l = line.get("logps/rejected").doubleValue();
            Values values = new Values(
                    w,
                    l,
                    refW,
                    refL,
                    pair.get("chosen_ids").size(),
                    pair.get("rejected_ids").size());
            double expected = formula.of(values);
            assertThat(line.get("loss").doubleValue()).isEqualTo(expected, within(1e-6 + 1e-6 * Math.abs(expected)));
            moved = Math.max(moved, Math.abs(w - refW));
        }
        assertThat(moved).isPositive();
    }

    private static double exo(Values p) {
        return sigmoid(p.z()) * (logSigmoid(p.z()) - Math.log(1 - SMOOTHING))
                + sigmoid(-p.z()) * (logSigmoid(-p.z()) - Math.log(SMOOTHING));
    }

    private static double discopop(Values p) {
        double blend = sigmoid(p.z() / 0.5);
        return -logSigmoid(p.z()) * (1 - blend) + Math.exp(-p.z()) * blend;
    }

    /** On means over tokens, which ORPO logs. */
    private static double orpo(Values p) {
        double odds = p.w() - p.l() - Math.log1p(-Math.exp(p.w())) + Math.log1p(-Math.exp(p.l()));
        return -BETA * logSigmoid(odds) - p.w();
    }

    /** AlphaPO's reward. */
    private static double shaped(double logp, double alpha) {
        return (1 - Math.exp(-alpha * logp)) / alpha;
    }

    private static double square(double x) {
        return x * x;
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static double logSigmoid(double x) {
        return -Math.log1p(Math.exp(-x));
    }
}
