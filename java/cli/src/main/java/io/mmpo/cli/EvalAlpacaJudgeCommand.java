package io.mmpo.cli;

import io.mmpo.MmpoException;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.judge.Contest;
import io.mmpo.eval.judge.Judge;
import io.mmpo.eval.judge.JudgeFile;
import io.mmpo.eval.judge.JudgeSettings;
import io.mmpo.eval.judge.JudgeSpec;
import io.mmpo.eval.judge.Judging;
import io.mmpo.eval.judge.LocalJudge;
import io.mmpo.eval.judge.Reply;
import io.mmpo.eval.judge.VerdictStore;
import io.mmpo.files.IoProblem;
import io.mmpo.files.UserCache;
import io.mmpo.infer.OpenModel;
import io.mmpo.judge.RemoteJudge;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "judge",
        description = "Asks a judge which of two models' answers to AlpacaEval's instructions are better.",
        mixinStandardHelpOptions = true)
final class EvalAlpacaJudgeCommand implements Callable<Integer> {
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);

    @Option(
            names = "--outputs",
            required = true,
            paramLabel = "FILE",
            description =
                    "The model's answers, as mmpo eval alpaca generate writes them: instruction, output, generator.")
    private Path outputs;

    @Option(
            names = "--baseline",
            required = true,
            paramLabel = "FILE",
            description = "The answers that they are compared with, in the same form.")
    private Path baseline;

    @Option(
            names = "--judge",
            required = true,
            paramLabel = "NAME|FILE.yaml|DIR",
            description =
                    "weighted_alpaca_eval_gpt-4o-mini-2024-07-18, claude-haiku-4-5-20251001, weighted_alpaca_eval_gpt4_turbo; a judge's YAML"
                            + " file; or the directory of a model that judges in this process.")
    private String judge;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "FILE.json",
            description = "Where the verdicts are written, as alpaca_eval's annotations.json.")
    private Path output;

    @Option(
            names = "--base-url",
            paramLabel = "URL",
            description =
                    "Another server with the judge's interface. No key is sent to it unless --api-key-env names its variable.")
    private @Nullable String baseUrl;

    @Option(
            names = "--api-key-env",
            paramLabel = "VARIABLE",
            description =
                    "Environment variable with the key; OPENAI_API_KEY or ANTHROPIC_API_KEY by itself. Keys are read from nowhere else.")
    private @Nullable String keyVariable;

    @Option(
            names = "--max-cost",
            paramLabel = "USD",
            description = "What the verdicts of this comparison may cost together, in this call and earlier ones.")
    private @Nullable Double maxCost;

    @Option(
            names = "--batch",
            description =
                    "Ask in batches, at half the price: the server answers within a day. Given again, it takes up what is out.")
    private boolean batch;

    @Option(names = "--dry-run", description = "Say how many verdicts are missing and what they cost, and ask nothing.")
    private boolean dryRun;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Decides whose answer the judge sees first (${DEFAULT-VALUE}, alpaca_eval's).")
    private int seed;

    @Option(names = "--limit", paramLabel = "N", description = "Only the first N instructions.")
    private @Nullable Integer limit;

    @Option(names = "--concurrency", defaultValue = "8", description = "Questions out at a time (${DEFAULT-VALUE}).")
    private int concurrency;

    @Option(
            names = "--max-retries",
            defaultValue = "8",
            description = "Times a question is asked again after a failure that may pass (${DEFAULT-VALUE}).")
    private int maxRetries;

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description = "Where replies are kept, for later calls too; the user's cache by itself.")
    private @Nullable Path cache;

    @Mixin
    private ComputeArguments compute;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.requireAtLeast(spec, "--limit", limit == null ? 1 : limit, 1);
        Arguments.requireAtLeast(spec, "--concurrency", concurrency, 1);
        Arguments.requireAtLeast(spec, "--max-retries", maxRetries, 0);
        Arguments.require(
                spec, maxCost == null || maxCost >= 0, "--max-cost must be a number of at least 0, got " + maxCost);
        List<Contest> contests = Contest.read(outputs, baseline, limit == null ? Integer.MAX_VALUE : limit, seed);
        return Files.isDirectory(Path.of(judge)) ? askLocal(contests) : askRemote(contests);
    }

    private int askLocal(List<Contest> contests) {
        Path directory = Path.of(judge);
        try (OpenModel open = compute.open(directory, Optional.empty());
                LocalJudge local = new LocalJudge(
                        EvaluatedModel.of(open, compute.computation()),
                        directory.toAbsolutePath().normalize().getFileName().toString())) {
            return ask(local, contests);
        }
    }

    private int askRemote(List<Contest> contests) {
        JudgeSpec named = JudgeFile.read(judge, Optional.ofNullable(baseUrl), Optional.ofNullable(keyVariable));
        try (Judge remote = RemoteJudge.open(dryRun ? named.withoutKey() : named, System.getenv())) {
            return ask(remote, contests);
        }
    }

    private int ask(Judge asked, List<Contest> contests) {
        if (maxCost != null && asked.price().isEmpty()) {
            throw MmpoException.configuration(
                    "--max-cost needs the judge's price, and %s has none. Give input_price and output_price, in US dollars a million tokens, in"
                            + " its file.",
                    judge);
        }
        PrintWriter err = spec.commandLine().getErr();
        try (StopSignal stop = StopSignal.install(err);
                VerdictStore store = VerdictStore.open(repliesOf(asked), err::println)) {
            Judging judging = new Judging(asked, store, contests, batch);
            if (dryRun) {
                tellCost(asked, judging.cost(), contests.size());
                return ExitCode.DONE;
            }
            JudgeSettings settings = new JudgeSettings(
                    concurrency, maxRetries, maxCost == null ? Double.POSITIVE_INFINITY : maxCost, FIRST_PAUSE);
            return switch (judging.run(settings, new EvaluationProgress(err, stop))) {
                case COMPLETE -> {
                    judging.write(output);
                    err.println(summary(asked, judging) + "; written to " + output);
                    yield ExitCode.DONE;
                }
                case STOPPED -> {
                    err.println("interrupted; the same command goes on from here");
                    yield ExitCode.INTERRUPTED;
                }
                case LIMIT_REACHED -> throw limitReached(judging, contests.size());
            };
        }
    }

    private Path repliesOf(Judge asked) {
        Path directory = cache == null ? UserCache.directory().resolve("judges") : cache;
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The judge's replies cannot be kept in %s: %s. Name another directory with --cache.",
                    directory,
                    IoProblem.ofDirectory(e));
        }
        return directory.resolve(asked.name() + ".jsonl");
    }

    private void tellCost(Judge asked, Judging.Cost cost, int contests) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf(Locale.ROOT, "%s: %,d of %,d verdicts are missing", asked.name(), cost.missing(), contests);
        if (cost.out() > 0) {
            out.printf(Locale.ROOT, ", and %,d of these are out in a batch, which --batch takes up", cost.out());
        }
        if (asked.price().isPresent()) {
            out.printf(
                    Locale.ROOT,
                    "; %s cost about $%.2f, and at most $%.2f%s",
                    cost.out() > 0 ? "the others" : "they",
                    cost.likely(),
                    cost.most(),
                    batch ? " in batches" : "");
        } else {
            out.print("; its price is not known (input_price and output_price in its file say it)");
        }
        out.println();
    }

    private static String summary(Judge asked, Judging judging) {
        Map<Reply.Manner, Integer> manners = judging.manners();
        int none = manners.getOrDefault(Reply.Manner.NONE, 0);
        return String.format(
                Locale.ROOT,
                "%s: %,d verdicts by probabilities, %,d by choice, %,d replies that name neither model%s%s",
                asked.name(),
                manners.getOrDefault(Reply.Manner.WEIGHTED, 0),
                manners.getOrDefault(Reply.Manner.CHOSEN, 0),
                none,
                none > 0 ? " and count for no rate" : "",
                asked.price().isPresent() ? String.format(Locale.ROOT, "; $%.4f in all", judging.spent()) : "");
    }

    private MmpoException limitReached(Judging judging, int contests) {
        Judging.Cost cost = judging.cost();
        String next = batch
                ? String.format(
                        Locale.ROOT,
                        "a batch of the others might cost $%.4f (about $%.4f is likely), more than",
                        cost.most(),
                        cost.likely())
                : "the next question might cost more than";
        return MmpoException.configuration(
                "%d of %d verdicts are there, they cost $%.4f, and %s --max-cost %s leaves. Give a larger --max-cost; the same command goes on from"
                        + " here.",
                contests - cost.missing(), contests, judging.spent(), next, maxCost);
    }
}
