package io.mmpo.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mmpo.MmpoException;
import io.mmpo.spec.DeviceChoice;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** YAML and {@code key=value} overrides to a checked {@link TrainingConfig}. */
public final class ConfigLoader {
    private static final YAMLMapper YAML = new YAMLMapper(YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .build());
    private static final Set<String> KEYS_OF_PEFT = Set.of(
            "lora_r",
            "lora_alpha",
            "lora_dropout",
            "lora_target_modules",
            "lora_modules_to_save",
            "ensure_weight_tying",
            "use_rslora");

    /** transformers' earlier names, to those of today, and PEFT's, to TRL's. */
    static final Map<String, String> OTHER_NAMES =
            Map.of("torch_dtype", "dtype", "modules_to_save", "lora_modules_to_save");

    private ConfigLoader() {}

    /** A configuration, and one line for each key that was accepted without an effect. */
    public record Loaded(TrainingConfig config, List<String> notices) {}

    /** {@code overrides} are {@code key=value}, each key once; they win over the file. */
    public static Loaded load(Path file, List<String> overrides) {
        Map<String, Assignment> assignments = YamlFile.read(file);
        Map<String, String> texts = new LinkedHashMap<>();
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals < 1) {
                throw MmpoException.configuration(
                        "'%s' on the command line is not of the form key=value", Echo.of(override));
            }
            String key = override.substring(0, equals).strip();
            String text = override.substring(equals + 1).strip();
            String earlier = texts.put(key, text);
            if (earlier != null) {
                throw MmpoException.configuration(
                        "%s is set twice on the command line, to '%s' and to '%s'; keep one",
                        Echo.of(key), Echo.of(earlier), Echo.of(text));
            }
            assignments.put(key, commandLine(key, text));
        }
        return read(assignments);
    }

    private static Assignment commandLine(String key, String text) {
        String where = "on the command line";
        return text.startsWith("[") || text.startsWith("{")
                ? YamlFile.readNested(key, text, where)
                : Assignment.scalar(unquoted(text), where);
    }

    static Loaded of(Map<String, ?> values) {
        Map<String, Assignment> assignments = new LinkedHashMap<>();
        values.forEach((key, value) -> assignments.put(
                key,
                value instanceof Iterable<?> && !(value instanceof Path) || value instanceof Map<?, ?>
                        ? Assignment.nested(asText(YAML.valueToTree(value)), "in the program")
                        : Assignment.scalar(String.valueOf(value), "in the program")));
        return read(assignments);
    }

    /** The same tree with every scalar as text, as a file would have it. */
    private static JsonNode asText(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.properties().forEach(entry -> entry.setValue(asText(entry.getValue())));
        } else if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                array.set(i, asText(array.get(i)));
            }
        } else if (!node.isNull()) {
            return new TextNode(node.asText());
        }
        return node;
    }

    static String toYaml(TrainingConfig config) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (ConfigKey key : ConfigKeys.ALL.values()) {
            Object value = key.value().apply(config);
            boolean isPlain =
                    value == null || value instanceof Number || value instanceof Boolean || value instanceof List<?>;
            values.put(
                    key.name(),
                    value instanceof StepCount steps ? steps.toNumber() : isPlain ? value : value.toString());
        }
        try {
            return YAML.writeValueAsString(values);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a configuration could not be written as YAML", e);
        }
    }

    private static String unquoted(String text) {
        boolean quoted = text.length() >= 2
                && (text.charAt(0) == '"' || text.charAt(0) == '\'')
                && text.charAt(0) == text.charAt(text.length() - 1);
        return quoted ? text.substring(1, text.length() - 1) : text;
    }

    private static Loaded read(Map<String, Assignment> assignments) {
        List<String> notices = new ArrayList<>();
        Map<String, Assignment> known = new LinkedHashMap<>();
        // Key to what is wrong with it: all of it is told at once.
        Map<String, List<String>> problems = new LinkedHashMap<>();
        assignments.forEach((key, assignment) -> {
            String name = OTHER_NAMES.getOrDefault(key, key);
            if (ConfigKeys.ALL.containsKey(name)) {
                Assignment other = known.put(name, assignment);
                if (other != null
                        && !(Objects.equals(other.text(), assignment.text())
                                && Objects.equals(other.tree(), assignment.tree()))) {
                    problems.put(
                            key,
                            List.of("%s is set twice, to %s (%s) and to %s (%s, as %s); remove one of them"
                                    .formatted(
                                            name,
                                            other.text(),
                                            other.where(),
                                            assignment.text(),
                                            assignment.where(),
                                            key)));
                }
            } else {
                foreign(key, assignment, notices).ifPresent(problem -> problems.put(key, List.of(problem)));
            }
        });
        Values values = new Values(known);
        notices.addAll(withoutEffect(known, values));
        notices.sort(null);
        Optional<TrainingConfig> config = build(values, problems);
        if (config.isEmpty() || !problems.isEmpty()) {
            List<String> order = List.copyOf(assignments.keySet());
            throw Problems.exception(problems.entrySet().stream()
                    .sorted(Comparator.comparingInt(problem -> place(order, problem.getKey())))
                    .flatMap(problem -> problem.getValue().stream())
                    .toList());
        }
        return new Loaded(config.get(), List.copyOf(notices));
    }

    /** Of a key in the file; those that are missing come last. */
    private static int place(List<String> order, String key) {
        int place = order.indexOf(key);
        return place < 0 ? order.size() : place;
    }

    private static List<String> withoutEffect(Map<String, Assignment> known, Values values) {
        List<String> notices = new ArrayList<>();
        LossKeys.READ_BY.forEach((key, reads) -> {
            if (known.containsKey(key) && values.losses().stream().noneMatch(reads)) {
                notices.add(
                        key + " has no effect on loss_type " + String.join(", ", values.lossWords()) + values.at(key));
            }
        });
        if (!values.bool("use_peft")) {
            known.keySet().stream()
                    .filter(KEYS_OF_PEFT::contains)
                    .forEach(key -> notices.add(key + " has no effect without use_peft: true" + values.at(key)));
        }
        if (values.constant("eval_strategy", IntervalStrategy.class) == IntervalStrategy.EPOCH
                && values.optionalSteps("eval_steps").isPresent()) {
            notices.add("eval_steps has no effect on eval_strategy epoch" + values.at("eval_steps"));
        }
        return notices;
    }

    /** Notes what a key that is no setting here is worth a line for, and returns why it is refused, if it is. */
    private static Optional<String> foreign(String key, Assignment assignment, List<String> notices) {
        String where = " (" + assignment.where() + ")";
        return switch (ForeignKeys.ALL.get(key)) {
            case null -> Optional.of(unknown(key, where));
            case ForeignKeys.Rule.Ignored ignored -> {
                if (!ForeignKeys.isEmpty(assignment) && !"none".equals(assignment.text())) {
                    notices.add(key + " means nothing here: " + ignored.why() + where);
                }
                yield Optional.empty();
            }
            case ForeignKeys.Rule.Limited limited -> {
                String text = assignment.text();
                boolean accepted = (text != null && limited.accepted().contains(text.toLowerCase(Locale.ROOT)))
                        || (limited.off() ? ForeignKeys.isOff(assignment) : ForeignKeys.isEmpty(assignment));
                yield accepted
                        ? Optional.empty()
                        : Optional.of(key + (text == null ? "" : ": " + Echo.of(text)) + " is not supported" + where
                                + ": " + limited.mend());
            }
            case ForeignKeys.Rule.Renamed renamed ->
                ForeignKeys.isOff(assignment)
                        ? Optional.empty()
                        : Optional.of(key + where + " has another name here: " + renamed.mend());
        };
    }

    private static String unknown(String key, String where) {
        Set<String> names = new TreeSet<>(ConfigKeys.ALL.keySet());
        names.addAll(ForeignKeys.ALL.keySet());
        String suggestion = Spelling.nearest(key, names)
                .map(name -> "did you mean " + name + "?")
                .orElse("docs/configuration.md lists the keys");
        return "'" + Echo.of(key) + "'" + where + " is not a configuration key; " + suggestion;
    }

    /** Empty where something is wrong, which is then among the problems. */
    private static Optional<TrainingConfig> build(Values v, Map<String, List<String>> problems) {
        WeightType trainedType = part(v, problems, () -> trainedType(v)).orElse(WeightType.FLOAT32);
        Optional<WeightType> savedType = part(v, problems, () -> savedType(v)).orElse(Optional.empty());
        Optional<ModelOptions> model = part(v, problems, () -> model(v, trainedType));
        Optional<DataOptions> data = part(v, problems, () -> data(v));
        Optional<LossOptions> loss = part(v, problems, () -> LossKeys.read(v));
        Optional<OptimizerOptions> optimizer = part(v, problems, () -> optimizer(v));
        Optional<ScheduleOptions> schedule = part(v, problems, () -> schedule(v));
        Optional<BatchOptions> batches = part(v, problems, () -> batches(v));
        Optional<RunOptions> run = part(v, problems, () -> run(v, savedType));
        v.problems().forEach((key, problem) -> problems.put(key, List.of(problem)));
        boolean whole =
                Stream.of(model, data, loss, optimizer, schedule, batches, run).allMatch(Optional::isPresent);
        return whole
                ? part(
                        v,
                        problems,
                        () -> new TrainingConfig(
                                model.orElseThrow(),
                                data.orElseThrow(),
                                loss.orElseThrow(),
                                optimizer.orElseThrow(),
                                schedule.orElseThrow(),
                                batches.orElseThrow(),
                                run.orElseThrow()))
                : Optional.empty();
    }

    /**
     * One record. What its checks say begins with a key; of a key whose text could not be read they know only the default, so the
     * text's own problem stands.
     */
    private static <T> Optional<T> part(Values v, Map<String, List<String>> problems, Supplier<T> build) {
        try {
            return Optional.of(build.get());
        } catch (MmpoException e) {
            for (String message : Problems.of(e)) {
                String key = message.split("[: ]", 2)[0];
                String where = v.at(key);
                String located = where.isEmpty() || message.contains(where) ? message : message + where;
                problems.computeIfAbsent(key, k -> new ArrayList<>()).add(located);
            }
            return Optional.empty();
        }
    }

    private static ModelOptions model(Values v, WeightType trainedType) {
        return new ModelOptions(
                v.path("model_name_or_path"),
                v.optionalWord("model_revision"),
                v.optionalPath("ref_model_name_or_path"),
                v.optionalPath("chat_template_path"),
                v.constant("device", DeviceChoice.class),
                v.bool("bf16"),
                trainedType,
                recompute(v),
                lora(v));
    }

    /** TRL's dtype, of which two values can be trained here. */
    private static WeightType trainedType(Values v) {
        return switch (v.text("dtype").toLowerCase(Locale.ROOT)) {
            case "float32" -> WeightType.FLOAT32;
            case "bfloat16" -> {
                if (!v.bool("bf16")) {
                    throw MmpoException.configuration(
                            "dtype: bfloat16%s keeps the weights in bfloat16, and bf16: false%s computes in float32; write bf16: true, or"
                                    + " dtype: float32",
                            v.at("dtype"), v.at("bf16"));
                }
                yield WeightType.BFLOAT16;
            }
            case "auto" ->
                throw MmpoException.configuration(
                        "dtype: auto%s would train in the type of the model's files, which for bfloat16 loses small updates; write dtype:"
                                + " float32 (master weights, whatever the files have) or dtype: bfloat16 (none)",
                        v.at("dtype"));
            case "float16" ->
                throw MmpoException.configuration(
                        "dtype: float16%s cannot be trained in: its gradients overflow; write dtype: float32, and save_dtype: float16 for"
                                + " files of that type",
                        v.at("dtype"));
            default ->
                throw MmpoException.configuration(
                        "dtype must be float32 or bfloat16, got '%s'%s", v.text("dtype"), v.at("dtype"));
        };
    }

    private static Optional<WeightType> savedType(Values v) {
        return v.optionalWord("save_dtype")
                .map(word -> Arrays.stream(WeightType.values())
                        .filter(type -> type.key().equals(word.toLowerCase(Locale.ROOT)))
                        .findFirst()
                        .orElseThrow(() -> MmpoException.configuration(
                                "save_dtype must be float32, bfloat16 or float16, got '%s'%s",
                                word, v.at("save_dtype"))));
    }

    /** True is what TRL's users write for the default, false for no recomputation. */
    private static Recompute recompute(Values v) {
        return switch (v.switchOr("gradient_checkpointing", "none", "selective", "full")) {
            case "none", "false" -> Recompute.NONE;
            case "full" -> Recompute.FULL;
            default -> Recompute.SELECTIVE;
        };
    }

    static LoraOptions lora(Values v) {
        return new LoraOptions(
                v.bool("use_peft"),
                v.integer("lora_r"),
                v.number("lora_alpha"),
                v.number("lora_dropout"),
                v.bool("use_rslora"),
                v.moduleNames("lora_target_modules"),
                v.words("lora_modules_to_save"),
                v.bool("ensure_weight_tying"));
    }

    private static DataOptions data(Values v) {
        Optional<String> config = v.optionalWord("dataset_config");
        String trainSplit = v.text("dataset_train_split");
        return new DataOptions(
                v.optionalWord("dataset_name"),
                v.tree("datasets")
                        .map(tree -> Mixture.read(tree, config, trainSplit, v.at("datasets")))
                        .orElse(List.of()),
                config,
                trainSplit,
                v.text("dataset_test_split"),
                v.optionalWord("eval_dataset_name"),
                v.optionalInteger("max_length"),
                v.optionalInteger("max_prompt_length"),
                v.optionalInteger("max_completion_length"),
                v.choice("truncation_mode", "keep_start", "keep_end"),
                v.optionalWord("cache_dir"),
                v.bool("packing"));
    }

    private static OptimizerOptions optimizer(Values v) {
        String optimizer = v.choice("optim", "adamw_torch", "adamw_torch_fused", "adamw_8bit", "adamw_bnb_8bit");
        return new OptimizerOptions(
                optimizer.endsWith("8bit") ? OptimizerType.ADAMW_8BIT : OptimizerType.ADAMW,
                v.number("learning_rate"),
                v.number("weight_decay"),
                v.number("adam_beta1"),
                v.number("adam_beta2"),
                v.number("adam_epsilon"),
                v.numberOrNone("max_grad_norm"));
    }

    private static ScheduleOptions schedule(Values v) {
        int maxSteps = v.integer("max_steps");
        return new ScheduleOptions(
                v.number("num_train_epochs"),
                maxSteps <= 0 ? OptionalInt.empty() : OptionalInt.of(maxSteps),
                v.constant("lr_scheduler_type", SchedulerType.class),
                v.number("warmup_ratio"),
                v.steps("warmup_steps"));
    }

    private static BatchOptions batches(Values v) {
        return new BatchOptions(
                v.integer("per_device_train_batch_size"), v.integer("gradient_accumulation_steps"),
                v.integer("per_device_eval_batch_size"), v.optionalInteger("precompute_ref_batch_size"));
    }

    private static RunOptions run(Values v, Optional<WeightType> savedType) {
        return new RunOptions(
                v.path("output_dir"),
                v.longInteger("seed"),
                v.steps("logging_steps"),
                v.bool("logging_first_step"),
                v.constant("eval_strategy", IntervalStrategy.class),
                v.optionalSteps("eval_steps"),
                v.constant("save_strategy", IntervalStrategy.class),
                v.steps("save_steps"),
                v.optionalCount("save_total_limit"),
                savedType,
                v.choice("save_rounding", "nearest", "stochastic").equals("stochastic"),
                v.optionalSwitch("resume_from_checkpoint"),
                v.bool("resume_with_changed_config"));
    }
}
