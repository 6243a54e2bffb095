package io.mmpo;

import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.eval.reward.RewardAccuracy;
import io.mmpo.infer.Failures;
import io.mmpo.infer.ModelSources;
import io.mmpo.infer.OpenModel;
import io.mmpo.infer.Scorer;
import io.mmpo.nativelib.ChosenDevice;
import io.mmpo.nativelib.NativeException;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.DeviceChoice;
import io.mmpo.spec.Objective;
import io.mmpo.train.TrainedModel;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A model in memory that answers, scores and is measured. It computes on one platform thread of its own, so that callers may be virtual
 * threads, and any number of them: their calls take turns. A caller that is interrupted gets a CancellationException, stays interrupted,
 * and what it waited for is cancelled. After {@link #close} every call is an IllegalStateException.
 */
public final class LanguageModel implements AutoCloseable {
    private static final int BATCH_SIZE = 8;

    private final OpenModel open;
    private final ModelKeeper keeper;
    private final Prompter prompter;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("mmpo-model").factory());
    private volatile boolean closed;

    private LanguageModel(OpenModel open, ModelKeeper keeper) {
        this.open = open;
        this.keeper = keeper;
        this.prompter = new Prompter(open);
    }

    static LanguageModel of(TrainedModel trained) {
        return new LanguageModel(trained.model(), new ModelKeeper.InMemory(trained));
    }

    /** A directory in Hugging Face's layout, of a model or of an adapter that names its model; or owner/name[@revision] of a hub. */
    public static LanguageModel load(Path model) {
        return builder(model).load();
    }

    public static Builder builder(Path model) {
        return new Builder(model);
    }

    /** Continues a text as it is, without a chat template. */
    public Answer generate(String text, GenerationOptions options) {
        return answer(() -> prompter.ofText(text), options);
    }

    /** Replies to a user's question, greedily. */
    public Answer chat(String question) {
        return chat(List.of(Message.user(question)), GenerationOptions.greedy());
    }

    /** Replies to a conversation, in the model's chat template. */
    public Answer chat(List<Message> conversation, GenerationOptions options) {
        return answer(() -> prompter.ofMessages(conversation), options);
    }

    private Answer answer(Callable<int[]> prompt, GenerationOptions options) {
        try (AnswerStream stream = stream(prompt, options, false)) {
            return stream.answer();
        }
    }

    /** {@link #chat} in pieces. */
    public AnswerStream stream(List<Message> conversation, GenerationOptions options) {
        return stream(() -> prompter.ofMessages(conversation), options, true);
    }

    private AnswerStream stream(Callable<int[]> prompt, GenerationOptions options, boolean inPieces) {
        AnswerStream stream = new AnswerStream();
        stream.begin(submit("answering", () -> {
            try {
                requireOpen();
                return new Drawing(open, options, stream, inPieces, () -> closed).draw(prompt.call());
            } finally {
                stream.end();
            }
        }));
        return stream;
    }

    /** Log-probabilities of replies to one conversation, in nats, each summed over the reply's tokens and the token that ends it. */
    public double[] logProbabilities(List<Message> conversation, List<String> replies) {
        return score(replies.stream()
                .<Row>map(reply -> new Row.Demonstration(conversation, reply))
                .toList());
    }

    /** The same of continuations of a text. */
    public double[] logProbabilities(String text, List<String> continuations) {
        return score(continuations.stream()
                .<Row>map(continuation -> new Row.TextDemonstration(text, continuation))
                .toList());
    }

    private double[] score(List<Row> rows) {
        return await("scoring", () -> {
            List<TokenizedGroup> groups = new ArrayList<>();
            try (TokenizedDataset data = open(Rows.of(rows), RowKind.SFT)) {
                IntStream.range(0, data.size()).mapToObj(data::get).forEach(groups::add);
            }
            if (groups.size() < rows.size()) {
                throw MmpoException.data(
                        "Of %d texts to score only %d have any tokens. Leave out those that are empty.",
                        rows.size(), groups.size());
            }
            return open.scorer().logps(sharingPrompts(groups), "the texts");
        });
    }

    /** Where all have the same prompt it is computed once. */
    private static List<TokenizedGroup> sharingPrompts(List<TokenizedGroup> groups) {
        int[] prompt = groups.getFirst().prompt();
        return groups.stream().allMatch(group -> Arrays.equals(group.prompt(), prompt))
                ? List.of(new TokenizedGroup(
                        0,
                        prompt,
                        groups.stream().map(group -> group.completions()[0]).toArray(int[][]::new)))
                : groups;
    }

    private TokenizedDataset open(Rows rows, RowKind kind) {
        DatasetSource source = rows.inMemory().orElseGet(() -> DatasetSource.of(Path.of(rows.name())));
        return kind.open(source, open.tokenizer(), TokenizationOptions.UNLIMITED, Optional.empty());
    }

    /**
     * How often the reward of the chosen answer is above that of the rejected one.
     *
     * @param pairs in memory or in a file; a stream is read first, by the caller, so it may be made with this model
     * @param reference the model before it was tuned, where the method's reward is made from its log-probabilities; else null
     */
    public RewardEvaluation evaluate(Rows pairs, Method method, @Nullable LanguageModel reference) {
        Objective objective = Objectives.of(method, reference != null);
        Rows held = pairs.held(); // a stream may ask this model
        return await("evaluating", () -> {
            Optional<Scorer> frozen = Optional.ofNullable(reference).map(model -> model.open.scorer());
            try (TokenizedDataset data = open(held, RowKind.PREFERENCE)) {
                RewardAccuracy result =
                        RewardAccuracy.of(open.scorer(), frozen, data, objective, BATCH_SIZE, done -> {}, pairs.name());
                return new RewardEvaluation(
                        result.pairs(),
                        result.accuracy(),
                        result.standardError(),
                        result.chosenReward(),
                        result.rejectedReward());
            }
        });
    }

    /** Writes the model into a directory that does not exist yet, in Hugging Face's layout; of a model with an adapter the adapter alone. */
    public void save(Path directory) {
        await("saving", () -> {
            keeper.save(open, directory);
            return directory;
        });
    }

    /** Writes the model with its adapter merged into its weights, in their own type, into a directory that does not exist yet. */
    public void merge(Path directory) {
        await("merging", () -> {
            keeper.merge(open, directory);
            return directory;
        });
    }

    private <T> T await(String doing, Callable<T> work) {
        return submit(doing, () -> {
                    requireOpen();
                    return work.call();
                })
                .await(() -> {});
    }

    private <T> Pending<T> submit(String doing, Callable<T> work) {
        try {
            return new Pending<>(doing, thread.submit(work));
        } catch (RejectedExecutionException e) {
            throw closedException();
        }
    }

    private static CancellationException cancelled(String doing) {
        return new CancellationException("interrupted while " + doing);
    }

    private void requireOpen() {
        if (closed) {
            throw closedException();
        }
    }

    private static IllegalStateException closedException() {
        return new IllegalStateException("the language model is closed");
    }

    /** What the model's thread has still to do. */
    record Pending<T>(String doing, Future<T> result) {
        /** onInterrupt: asks the work to end. */
        T await(Runnable onInterrupt) {
            boolean interrupted = false;
            while (true) {
                try {
                    T value = result.get();
                    if (interrupted) {
                        throw cancelled(doing);
                    }
                    return value;
                } catch (InterruptedException e) {
                    interrupted = true;
                    onInterrupt.run();
                } catch (ExecutionException e) {
                    throw rethrown(e.getCause());
                } finally {
                    if (interrupted && result.isDone()) {
                        Thread.currentThread().interrupt();
                    }
                }
            }
        }

        /** Whatever came of it. */
        void awaitEnd() {
            try {
                await(() -> {});
            } catch (RuntimeException e) {
                // told where the result is asked for
            }
        }

        private RuntimeException rethrown(@Nullable Throwable cause) {
            return switch (cause) {
                case NativeException e -> Failures.ofTheCore(e, doing);
                case RuntimeException e -> e;
                case Error e -> throw e;
                case null, default -> new IllegalStateException(doing + " failed", cause);
            };
        }
    }

    /** Frees the model's memory, after the token or the micro-batch that is computed; idempotent. */
    @Override
    public void close() {
        synchronized (thread) {
            if (closed) {
                return;
            }
            closed = true;
        }
        Pending<?> freed = new Pending<>("closing", thread.submit(() -> {
            free();
            return true;
        }));
        thread.shutdown();
        freed.awaitEnd();
    }

    private void free() {
        if (keeper instanceof ModelKeeper.InMemory memory) {
            memory.trained().close();
        } else {
            open.close();
        }
    }

    /** Says how a model is opened. */
    public static final class Builder {
        private final Path model;
        private Optional<Path> adapter = Optional.empty();
        private Optional<Path> chatTemplate = Optional.empty();
        private boolean bf16;
        private DeviceChoice device = DeviceChoice.AUTO;

        private Builder(Path model) {
            this.model = model;
        }

        /** A LoRA adapter as PEFT or this library saves it, on top of the model. */
        public Builder adapter(Path directory) {
            adapter = Optional.of(directory);
            return this;
        }

        /** A file with the chat template, in place of the model's own. */
        public Builder chatTemplate(Path file) {
            chatTemplate = Optional.of(file);
            return this;
        }

        /** Computes in bfloat16 instead of float32. */
        public Builder bf16() {
            bf16 = true;
            return this;
        }

        /** cpu, cuda (one GPU), or auto, which is the default: a GPU where one can be used. */
        public Builder device(String name) {
            device = Arrays.stream(DeviceChoice.values())
                    .filter(choice -> choice.name().toLowerCase(Locale.ROOT).equals(name))
                    .findFirst()
                    .orElseThrow(() -> MmpoException.configuration("device must be cpu, cuda or auto, got %s", name));
            return this;
        }

        /** Reads the files on the calling thread. One that is interrupted meanwhile gets a CancellationException, and stays interrupted. */
        public LanguageModel load() {
            try {
                OpenModel open = OpenModel.open(
                        ModelSources.withAdapter(model, adapter, message -> {}),
                        chatTemplate,
                        bf16 ? ComputeType.BFLOAT16 : ComputeType.FLOAT32,
                        ChosenDevice.of(device).device());
                return new LanguageModel(open, new ModelKeeper.OfFiles());
            } catch (NativeException e) {
                throw Failures.ofTheCore(e, "loading " + model);
            } catch (MmpoException e) {
                if (e.getCause() instanceof ClosedByInterruptException) {
                    throw cancelled("loading " + model);
                }
                throw e;
            }
        }
    }
}
