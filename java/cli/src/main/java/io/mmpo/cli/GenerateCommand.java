package io.mmpo.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.data.tokens.ChatTemplate;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.files.AtomicFile;
import io.mmpo.infer.Answerer;
import io.mmpo.infer.Answerer.Answer;
import io.mmpo.infer.Failures;
import io.mmpo.infer.OpenModel;
import io.mmpo.spec.Sampling;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "generate",
        description = "Lets a model answer a prompt, or the prompts of a file.",
        mixinStandardHelpOptions = true)
final class GenerateCommand implements Callable<Integer> {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Mixin
    private ModelArguments model;

    @Option(names = "--prompt", paramLabel = "TEXT", description = "One prompt; the answer goes to standard output.")
    private @Nullable String prompt;

    @Option(
            names = "--data",
            paramLabel = "FILE",
            description = "Rows with a prompt, text or messages, one JSON object a line.")
    private @Nullable Path data;

    @Option(names = "--output", paramLabel = "FILE", description = "With --data: one object with the answer a row.")
    private @Nullable Path output;

    @Option(names = "--raw", description = "Continue the text as it is, without the chat template.")
    private boolean raw;

    @Mixin
    private final AnswerArguments answers = new AnswerArguments(256, 0, 1, 8);

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        checkArguments();
        Sampling sampling = answers.sampling();
        int batchSize = answers.batchSize();
        try (OpenModel open = model.open()) {
            Answerer answerer = new Answerer(open, sampling, batchSize);
            if (prompt != null) {
                List<int[]> only = encode(open, List.of(new PromptFile.Prompt(prompt)));
                List<Answer> texts =
                        Failures.explain(() -> answerer.answer(only), new int[] {0}, () -> "answering the prompt");
                tellBeyondPositions(open.positions(), only, texts);
                spec.commandLine().getOut().println(texts.getFirst().text());
            } else {
                answerFile(open, answerer, Objects.requireNonNull(data), Objects.requireNonNull(output));
            }
        }
        return ExitCode.DONE;
    }

    private void checkArguments() {
        Arguments.require(
                spec, (prompt == null) != (data == null), "Either --prompt or --data with --output is wanted");
        Arguments.require(spec, (data == null) == (output == null), "--data and --output go together");
    }

    private void answerFile(OpenModel open, Answerer answerer, Path dataFile, Path outputFile) {
        List<PromptFile.Prompt> prompts = PromptFile.read(dataFile);
        List<int[]> ids = encode(open, prompts);
        try (AtomicFile file = AtomicFile.create(outputFile)) {
            List<Answer> texts = Failures.explain(
                    () -> answerer.answer(ids),
                    IntStream.range(0, ids.size()).toArray(),
                    () -> "answering the prompts of " + dataFile);
            tellBeyondPositions(open.positions(), ids, texts);
            for (int i = 0; i < prompts.size(); i++) {
                file.append(toJson(prompts.get(i), texts.get(i)) + "\n");
            }
            file.commit();
        }
        spec.commandLine().getErr().println(prompts.size() + " answers written to " + outputFile);
    }

    /** All of them before the first token is drawn: a prompt that cannot be answered would make the others' work void. */
    private List<int[]> encode(OpenModel open, List<PromptFile.Prompt> prompts) {
        Tokenizer tokenizer = open.tokenizer().get();
        List<int[]> ids = prompts.stream().map(text -> encode(tokenizer, text)).toList();
        open.config().rowLimit().ifPresent(limit -> {
            for (int i = 0; i < ids.size(); i++) {
                limit.require(
                        (long) ids.get(i).length + answers.maxNewTokens(),
                        "Prompt " + (i + 1) + " with --max-new-tokens " + answers.maxNewTokens(),
                        "Give a shorter prompt or a smaller --max-new-tokens");
            }
        });
        return ids;
    }

    private void tellBeyondPositions(long positions, List<int[]> prompts, List<Answer> texts) {
        boolean beyond = IntStream.range(0, texts.size())
                .anyMatch(i -> (long) prompts.get(i).length + texts.get(i).tokenIds().length > positions);
        if (beyond) {
            spec.commandLine()
                    .getErr()
                    .println("a prompt with its answer is longer than the " + positions
                            + " positions of the model (max_position_embeddings); it goes on as in transformers, but the model"
                            + " was made for no such text");
        }
    }

    private int[] encode(Tokenizer tokenizer, PromptFile.Prompt text) {
        Optional<ChatTemplate> template =
                raw ? Optional.empty() : tokenizer.chatTemplateFor(text.chat().variables());
        int[] ids = template.map(chat -> tokenizer.encode(text.chat().render(chat), false))
                .orElseGet(() -> tokenizer.encodePrompt(text.plainText()));
        Arguments.require(spec, ids.length > 0, "The prompt has no tokens; give a text that is not empty");
        return ids;
    }

    private static ObjectNode toJson(PromptFile.Prompt prompt, Answer answer) {
        ObjectNode line = JSON.createObjectNode();
        line.set("prompt", prompt.json());
        line.put("text", answer.text());
        line.set("token_ids", JSON.valueToTree(answer.tokenIds()));
        line.put("finish_reason", answer.stopped() ? "stop" : "length");
        return line;
    }
}
