package io.mmpo.config;

import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.OPTIONAL_INTEGER;
import static io.mmpo.config.ValueTypes.PLACE;
import static io.mmpo.config.ValueTypes.TEXT;

import io.mmpo.spec.LossType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** Where the rows come from and how long they may be. */
public record DataOptions(Settings values) {
    static final Section KEYS = new Section("Data", DataOptions::check);

    private static final Pattern ONE_FILE = Pattern.compile("[^*?\\[{]*\\.(jsonl|json|csv|parquet)(\\.gz)?");
    private static final String DATA_WANTED = "must name a file, a directory or a data set";

    private static final ConfigKey<Optional<String>> DATASET = KEYS.key("dataset_name", PLACE.optional())
            .must(DataOptions::isNotBlank, DATA_WANTED)
            .means(
                    "Rows to train on: a file, a glob, a directory, or a data set of a hub as `owner/name[@revision]` (docs/data.md).");

    private static final ConfigKey<Optional<String>> CONFIG = KEYS.key("dataset_config", TEXT.optional())
            .must(name -> name.map(DatasetOptions::isName).orElse(true), DatasetOptions.NAME_WANTED)
            .means("Configuration of the data set, where it has several.");

    private static final ConfigKey<String> TRAIN_SPLIT = KEYS.key("dataset_train_split", TEXT)
            .unset("train")
            .must(DatasetOptions::isName, DatasetOptions.NAME_WANTED)
            .means("Split to train on, where the data set is a directory or lies on a hub.");

    private static final ConfigKey<List<DatasetOptions>> MIXTURE = KEYS.key(
                    "datasets",
                    ValueType.<List<DatasetOptions>>of(
                                    (given, v) -> Mixture.read(given, v.get(CONFIG), v.get(TRAIN_SPLIT)),
                                    Mixture::toYaml)
                            .orWhenNull(List.of()))
            .alsoCalled("dataset_mixture")
            .alsoCalled("dataset_mixer")
            .means(
                    "Instead of dataset_name several of them: a list of `{path, config, split, weight, columns}` (docs/data.md). Also called"
                            + " `dataset_mixture` and `dataset_mixer`, with alignment-handbook's shapes: `{datasets: [{id, ...}]}` and `{NAME: WEIGHT}`.");

    private static final ConfigKey<String> TEXT_FIELD = KEYS.key("dataset_text_field", TEXT)
            .unset("text")
            .of(type -> type == LossType.SFT)
            .must(name -> !name.isBlank(), "must be the name of a column")
            .means("SFT: the column of the text, where rows are of plain text.");

    private static final ConfigKey<Boolean> COMPLETION_ONLY_LOSS = KEYS.key("completion_only_loss", FLAG)
            .unset("true")
            .of(type -> type == LossType.SFT)
            .means(
                    "SFT: where a row has a prompt, whether the loss is over its completion alone; `false`: over all tokens of the row.");

    private static final ConfigKey<Boolean> ASSISTANT_ONLY_LOSS = KEYS.key("assistant_only_loss", FLAG)
            .unset("false")
            .of(type -> type == LossType.SFT)
            .means(
                    "SFT: `true`: of rows of messages, the loss is over the assistant's turns alone, which the chat template marks with `{% generation %}`.");

    private static final ConfigKey<Optional<String>> EVAL_DATASET = KEYS.key("eval_dataset_name", PLACE.optional())
            .must(DataOptions::isNotBlank, DATA_WANTED)
            .mayChangeOnResuming()
            .means("Rows to evaluate on, named as dataset_name is; unset: dataset_name.");

    private static final ConfigKey<String> TEST_SPLIT = KEYS.key("dataset_test_split", TEXT)
            .unset("test")
            .must(DatasetOptions::isName, DatasetOptions.NAME_WANTED)
            .mayChangeOnResuming()
            .means("Split to evaluate on, where the data set is a directory or lies on a hub.");

    private static final ConfigKey<Optional<String>> CACHE = KEYS.key("cache_dir", PLACE.optional())
            .mayChangeOnResuming()
            .means(
                    "Where tokenized rows and reference log-probabilities are kept; unset: `$MMPO_CACHE`, else `~/.cache/mmpo`; `no`:"
                            + " nowhere.");

    private static final ConfigKey<OptionalInt> MAX_LENGTH = KEYS.key("max_length", OPTIONAL_INTEGER)
            .unset("1024")
            .must(tokens -> tokens.orElse(2) >= 2, "must be at least 2, one token of prompt and one of completion")
            .means("Tokens of prompt and completion together; `null`: no limit.");

    private static final ConfigKey<OptionalInt> MAX_PROMPT_LENGTH = KEYS.key("max_prompt_length", OPTIONAL_INTEGER)
            .must(tokens -> tokens.orElse(1) >= 1, "must be at least 1")
            .means("Tokens of a prompt; a longer one loses its beginning.");

    private static final ConfigKey<OptionalInt> MAX_COMPLETION_LENGTH = KEYS.key(
                    "max_completion_length", OPTIONAL_INTEGER)
            .must(tokens -> tokens.orElse(1) >= 1, "must be at least 1")
            .means("Tokens of a completion; a longer one loses its end.");

    private static final ConfigKey<String> TRUNCATION_MODE = KEYS.key(
                    "truncation_mode", ValueType.oneOf(List.of("keep_start", "keep_end"), mode -> mode))
            .unset("keep_start")
            .means("What max_length keeps: `keep_start` or `keep_end`.");

    private static final ConfigKey<Boolean> PACKING = KEYS.key("packing", FLAG)
            .unset("false")
            .means(
                    "SFT: rows are put together to sequences of up to max_length tokens, and per_device_train_batch_size counts these.");

    public DataOptions {
        values = values.of(KEYS);
    }

    private static void check(Settings v, Problems problems) {
        boolean isMixture = !v.get(MIXTURE).isEmpty();
        problems.refuse(
                v.get(DATASET).isEmpty() && !isMixture,
                DATASET,
                "must be set; give it a file or a directory, or list several under datasets");
        problems.refuse(
                v.get(DATASET).isPresent() && isMixture,
                MIXTURE,
                "and dataset_name are both set; keep one, and write the other data set as an entry of datasets");
        OptionalInt whole = v.get(MAX_LENGTH);
        OptionalInt prompt = v.get(MAX_PROMPT_LENGTH);
        problems.refuse(
                whole.isPresent() && prompt.isPresent() && prompt.getAsInt() >= whole.getAsInt(),
                MAX_PROMPT_LENGTH,
                "(%s) must be below max_length (%s), else nothing is left of a completion; raise max_length or write max_length: null",
                prompt.orElse(0),
                whole.orElse(0));
        problems.refuse(
                v.get(PACKING) && whole.isEmpty(),
                PACKING,
                "needs max_length, the tokens of a packed sequence; set max_length, or write packing: false");
        LossType loss = LossOptions.types(v).getFirst();
        problems.refuse(
                v.get(PACKING) && loss != LossType.SFT,
                PACKING,
                "is for loss_type sft, and loss_type is %s; pairs are packed without it, so write packing: false",
                ValueType.lowerCase(loss));
    }

    private static boolean isNotBlank(Optional<String> name) {
        return name.filter(String::isBlank).isEmpty();
    }

    /** See {@link DatasetOptions#path}. */
    public Optional<String> dataset() {
        return values.get(DATASET);
    }

    /** Several instead of dataset. */
    public List<DatasetOptions> mixture() {
        return values.get(MIXTURE);
    }

    public Optional<String> config() {
        return values.get(CONFIG);
    }

    public String trainSplit() {
        return values.get(TRAIN_SPLIT);
    }

    public String testSplit() {
        return values.get(TEST_SPLIT);
    }

    public Optional<String> evalDataset() {
        return values.get(EVAL_DATASET);
    }

    /** Column of rows of plain text. */
    public String textField() {
        return values.get(TEXT_FIELD);
    }

    /** Fine-tuning: whether a prompt's tokens have no loss. */
    public boolean completionOnlyLoss() {
        return values.get(COMPLETION_ONLY_LOSS);
    }

    /** Fine-tuning: whether only what the chat template marks as the assistant's has a loss. */
    public boolean assistantOnlyLoss() {
        return values.get(ASSISTANT_ONLY_LOSS);
    }

    /** Tokens; absent: no limit. So are the other lengths. */
    public OptionalInt maxLength() {
        return values.get(MAX_LENGTH);
    }

    public OptionalInt maxPromptLength() {
        return values.get(MAX_PROMPT_LENGTH);
    }

    public OptionalInt maxCompletionLength() {
        return values.get(MAX_COMPLETION_LENGTH);
    }

    /** keep_start or keep_end. */
    public String truncationMode() {
        return values.get(TRUNCATION_MODE);
    }

    /** Directory where tokenized rows and reference log-probabilities are kept, "no" for nowhere. */
    public Optional<String> cache() {
        return values.get(CACHE);
    }

    /** Rows of fine-tuning put together to sequences of up to maxLength tokens. */
    public boolean packing() {
        return values.get(PACKING);
    }

    /** What is trained on. */
    public List<DatasetOptions> training() {
        return dataset().map(path -> List.of(whole(path, trainSplit()))).orElse(mixture());
    }

    /** What is evaluated on; empty where the training data is a mixture and nothing else is named. */
    public Optional<DatasetOptions> evaluation() {
        return evalDataset().or(this::onlyDataset).map(path -> whole(path, testSplit()));
    }

    /** False where the rows that would be evaluated on are those of the one file that is trained on. */
    public boolean mayEvaluate() {
        return evalDataset().isPresent()
                || onlyDataset()
                        .filter(path -> !ONE_FILE.matcher(path).matches() && !Files.isRegularFile(Path.of(path)))
                        .isPresent();
    }

    /** Also where it is the one entry of a mixture. */
    private Optional<String> onlyDataset() {
        return dataset()
                .or(() ->
                        mixture().size() == 1 ? Optional.of(mixture().getFirst().path()) : Optional.empty());
    }

    private DatasetOptions whole(String path, String split) {
        return new DatasetOptions(path, config(), split, 1, Map.of());
    }
}
