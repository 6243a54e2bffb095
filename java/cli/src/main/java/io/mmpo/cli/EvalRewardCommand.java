package io.mmpo.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TruncationMode;
import io.mmpo.eval.reward.RewardAccuracy;
import io.mmpo.files.AtomicFile;
import io.mmpo.infer.OpenModel;
import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "reward",
        description = "How often a model's reward of the chosen response is above that of the rejected one.",
        mixinStandardHelpOptions = true)
final class EvalRewardCommand implements Callable<Integer> {
    /** Losses whose reward is what the MMPO paper compares methods by. */
    enum Method {
        MMPO(LossType.MMPO),
        DPO(LossType.DPO),
        SIMPO(LossType.SIMPO);

        private final LossType loss;

        Method(LossType loss) {
            this.loss = loss;
        }
    }

    @Mixin
    private ModelArguments model;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "FILE",
            description = "Preference pairs, as mmpo train reads them.")
    private Path data;

    @Option(
            names = "--loss-type",
            defaultValue = "mmpo",
            paramLabel = "mmpo|dpo|simpo",
            description =
                    "Whose reward: of DPO beta times the log-ratio of model and reference, of SimPO beta times the log-probability, of MMPO"
                            + " the score after the normalisation over --batch-size pairs (${DEFAULT-VALUE}).")
    private Method method;

    @Option(names = "--beta", defaultValue = "0.1", description = "beta of the loss (${DEFAULT-VALUE}).")
    private double beta;

    @Option(
            names = "--mmpo-reward-epsilon",
            defaultValue = "0.9",
            description = "MMPO's constant of the chosen response (${DEFAULT-VALUE}).")
    private double rewardEpsilon;

    @Option(
            names = "--length-normalize",
            description = "Divide log-probabilities by the response's length (MMPO, SimPO).")
    private boolean lengthNormalize;

    @Option(
            names = "--ref-model",
            paramLabel = "DIR",
            description = "The reference model of MMPO and DPO, which training began with.")
    private @Nullable Path refModel;

    @Option(names = "--batch-size", defaultValue = "8", description = "Pairs computed at a time (${DEFAULT-VALUE}).")
    private int batchSize;

    @Option(names = "--max-length", description = "Tokens of prompt and response together; longer ones lose their end.")
    private @Nullable Integer maxLength;

    @Option(names = "--output", paramLabel = "FILE.json", description = "Also write the numbers there.")
    private @Nullable Path output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.requireAtLeast(spec, "--batch-size", batchSize, 1);
        Arguments.require(
                spec, beta > 0 && Double.isFinite(beta), "--beta must be a finite number above 0, got " + beta);
        Arguments.require(
                spec,
                method.loss.readsReference() == (refModel != null),
                method.loss.readsReference()
                        ? "--ref-model is wanted: the reward of "
                                + method.name().toLowerCase(Locale.ROOT)
                                + " is made from a reference model's log-probabilities too"
                        : "--ref-model has no part in SimPO's reward; leave it out");
        Arguments.require(spec, !lengthNormalize || method != Method.DPO, "--length-normalize is of MMPO and SimPO");
        RewardAccuracy accuracy = measure();
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "reward accuracy %.4f ± %.4f, margin %.4f, %,d pairs%n",
                        accuracy.accuracy(),
                        accuracy.standardError(),
                        accuracy.margin(),
                        accuracy.pairs());
        if (output != null) {
            write(accuracy, output);
        }
        return ExitCode.DONE;
    }

    private RewardAccuracy measure() {
        Objective objective = Objective.of(
                method.loss,
                new Objective.Coefficients(
                        beta,
                        rewardEpsilon,
                        1,
                        0,
                        0,
                        0.05,
                        Divergence.REVERSE_KL,
                        0.5,
                        false,
                        lengthNormalize,
                        true,
                        1,
                        0,
                        false,
                        0),
                1);
        TokenizationOptions options = new TokenizationOptions(
                maxLength == null ? OptionalInt.empty() : OptionalInt.of(maxLength),
                OptionalInt.empty(),
                OptionalInt.empty(),
                TruncationMode.KEEP_START);
        ReadingLines lines = new ReadingLines(spec.commandLine().getErr());
        try (OpenModel open = model.open();
                OpenModel reference = refModel == null ? null : model.another(refModel);
                TokenizedDataset pairs = RowKind.PREFERENCE.open(data, open.tokenizer(), options)) {
            return RewardAccuracy.of(
                    open.scorer(),
                    Optional.ofNullable(reference).map(OpenModel::scorer),
                    pairs,
                    objective,
                    batchSize,
                    done -> lines.scoring(done, data.toString(), pairs.reading()),
                    data.toString());
        }
    }

    private static void write(RewardAccuracy accuracy, Path file) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("rewards/accuracies", accuracy.accuracy());
        json.put("standard_error", Double.isNaN(accuracy.standardError()) ? null : accuracy.standardError());
        json.put("rewards/chosen", accuracy.chosenReward());
        json.put("rewards/rejected", accuracy.rejectedReward());
        json.put("rewards/margins", accuracy.margin());
        json.put("pairs", accuracy.pairs());
        AtomicFile.write(file, json.toPrettyString() + "\n");
    }
}
