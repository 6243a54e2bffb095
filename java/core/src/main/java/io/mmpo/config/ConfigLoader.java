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
import io.mmpo.nativelib.DeviceChoice;
import io.mmpo.nativelib.LossType;
import io.mmpo.nativelib.OptimizerType;
import io.mmpo.nativelib.Recompute;
import io.mmpo.nativelib.WeightType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/** YAML and {@code key=value} overrides to a checked {@link TrainingConfig}. */
public final class ConfigLoader {
    private static final YAMLMapper YAML = new YAMLMapper(YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .build());
    private static final Map<String, Set<LossType>> KEYS_OF_LOSSES = Map.of(
            "mmpo_reward_epsilon", Set.of(LossType.MMPO),
            "mmpo_aux_weight", Set.of(LossType.MMPO),
            "mmpo_normalize", Set.of(LossType.MMPO),
            "simpo_gamma", Set.of(LossType.SIMPO),
            "beta", Set.of(LossType.MMPO, LossType.DPO, LossType.SIMPO),
            "ref_model_name_or_path", Set.of(LossType.MMPO, LossType.DPO),
            "precompute_ref_batch_size", Set.of(LossType.MMPO, LossType.DPO));

    private static final Set<String> KEYS_OF_PEFT =
            Set.of("lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora");

    /** transformers' earlier names, to those of today. */
    private static final Map<String, String> OTHER_NAMES = Map.of("torch_dtype", "dtype");

    private ConfigLoader() {}

    /** A configuration, and one line for each key that was accepted without an effect. */
    public record Loaded(TrainingConfig config, List<String> notices) {}

    /** {@code overrides} are {@code key=value}; they win over the file, and the last of a key over the ones before it. */
    public static Loaded load(Path file, List<String> overrides) {
        Map<String, Assignment> assignments = YamlFile.read(file);
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals < 1) {
                throw MmpoException.configuration("'%s' on the command line is not of the form key=value", override);
            }
            assignments.put(
                    override.substring(0, equals).strip(),
                    commandLine(
                            override.substring(0, equals).strip(),
                            override.substring(equals + 1).strip()));
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
        assignments.forEach((key, assignment) -> {
            String name = OTHER_NAMES.getOrDefault(key, key);
            if (ConfigKeys.ALL.containsKey(name)) {
                Assignment other = known.put(name, assignment);
                if (other != null && !Objects.equals(other.text(), assignment.text())) {
                    throw MmpoException.configuration(
                            "%s is set twice, to %s (%s) and to %s (%s, as %s); remove one of them",
                            name, other.text(), other.where(), assignment.text(), assignment.where(), key);
                }
            } else {
                acceptForeign(key, assignment, notices);
            }
        });
        Values values = new Values(known);
        KEYS_OF_LOSSES.forEach((key, losses) -> {
            if (known.containsKey(key) && !losses.contains(values.loss())) {
                notices.add(
                        key + " has no effect on loss_type " + ConfigKeys.lowerCase(values.loss()) + values.at(key));
            }
        });
        if (!values.bool("use_peft")) {
            known.keySet().stream()
                    .filter(KEYS_OF_PEFT::contains)
                    .forEach(key -> notices.add(key + " has no effect without use_peft: true" + values.at(key)));
        }
        notices.sort(null);
        try {
            return new Loaded(build(values), List.copyOf(notices));
        } catch (MmpoException e) {
            throw located(e, values);
        }
    }

    /** A record's check begins its message with the key; says where that was set, unless the message already does. */
    private static MmpoException located(MmpoException error, Values values) {
        String message = error.getMessage();
        String where = values.at(message.split(" ", 2)[0]);
        return where.isEmpty() || message.contains(where)
                ? error
                : MmpoException.of(error.kind(), error, "%s", message + where);
    }

    private static void acceptForeign(String key, Assignment assignment, List<String> notices) {
        String reason = ForeignKeys.inert().get(key);
        if (reason != null) {
            notices.add(key + " means nothing here: " + reason + " (" + assignment.where() + ")");
            return;
        }
        ForeignKeys.Restricted restricted = ForeignKeys.restricted().get(key);
        if (restricted == null) {
            throw unknown(key, assignment);
        }
        String text = assignment.text();
        boolean unset = text == null && !assignment.nested();
        if (!unset && (text == null || !restricted.accepted().contains(text.toLowerCase(Locale.ROOT)))) {
            throw MmpoException.configuration(
                    "%s%s is not supported (%s); supported is %s",
                    key,
                    assignment.nested() ? "" : ": " + assignment.text(),
                    assignment.where(),
                    restricted.supported());
        }
    }

    private static MmpoException unknown(String key, Assignment assignment) {
        Set<String> names = new TreeSet<>(ConfigKeys.ALL.keySet());
        names.addAll(ForeignKeys.restricted().keySet());
        names.addAll(ForeignKeys.inert().keySet());
        String suggestion = Spelling.nearest(key, names)
                .map(name -> "did you mean " + name + "?")
                .orElse("docs/configuration.md lists the keys");
        return MmpoException.configuration(
                "'%s' (%s) is not a configuration key; %s", key, assignment.where(), suggestion);
    }

    private static TrainingConfig build(Values v) {
        ModelOptions model = new ModelOptions(
                v.path("model_name_or_path"),
                v.optionalWord("model_revision"),
                v.optionalPath("ref_model_name_or_path"),
                v.optionalPath("chat_template_path"),
                v.constant("device", DeviceChoice.class),
                v.bool("bf16"),
                trainedType(v),
                recompute(v),
                lora(v));
        return new TrainingConfig(model, data(v), loss(v), optimizer(v), schedule(v), batches(v), run(v));
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
                v.words("lora_target_modules"));
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

    private static LossOptions loss(Values v) {
        return new LossOptions(
                v.loss(),
                v.number("beta"),
                v.number("mmpo_reward_epsilon"),
                v.number("mmpo_aux_weight"),
                v.choice("mmpo_normalize", "batch", "none").equals("batch"),
                v.bool("length_normalize"),
                v.number("label_smoothing"),
                v.number("simpo_gamma"));
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
                v.number("max_grad_norm"));
    }

    private static ScheduleOptions schedule(Values v) {
        int maxSteps = v.integer("max_steps");
        return new ScheduleOptions(
                v.number("num_train_epochs"),
                maxSteps == -1 ? OptionalInt.empty() : OptionalInt.of(maxSteps),
                v.constant("lr_scheduler_type", SchedulerType.class),
                v.number("warmup_ratio"),
                v.steps("warmup_steps"));
    }

    private static BatchOptions batches(Values v) {
        return new BatchOptions(
                v.integer("per_device_train_batch_size"), v.integer("gradient_accumulation_steps"),
                v.integer("per_device_eval_batch_size"), v.optionalInteger("precompute_ref_batch_size"));
    }

    private static RunOptions run(Values v) {
        return new RunOptions(
                v.path("output_dir"),
                v.longInteger("seed"),
                v.steps("logging_steps"),
                v.bool("logging_first_step"),
                v.constant("eval_strategy", IntervalStrategy.class),
                v.optionalSteps("eval_steps"),
                v.constant("save_strategy", IntervalStrategy.class),
                v.steps("save_steps"),
                v.optionalInteger("save_total_limit"),
                savedType(v),
                v.choice("save_rounding", "nearest", "stochastic").equals("stochastic"),
                v.optionalSwitch("resume_from_checkpoint"),
                v.bool("resume_with_changed_config"));
    }
}
