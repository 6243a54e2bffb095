package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.JsonFile;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The key {@code deepspeed}, as transformers' arguments have it: a DeepSpeed configuration, in a JSON file or inline, or a file of
 * accelerate's that holds one. Its entries become assignments with dotted names, of which {@link DeepSpeedKeys} knows the meaning;
 * {@code auto} leaves an entry to the configuration, as it does there.
 */
final class DeepSpeedFile {
    static final String KEY = "deepspeed";

    private static final String NESTED_FILE = KEY + ".deepspeed_config.deepspeed_config_file";
    private static final String BATCH_ROWS = KEY + ".train_batch_size";
    private static final String AUTO = "auto";

    private final Problems problems;
    private final Map<String, Assignment> entries = new LinkedHashMap<>();

    private DeepSpeedFile(Problems problems) {
        this.problems = problems;
    }

    /** None where the key is off. Fails with {@link Unreadable}, or with what is wrong with a file. */
    static Map<String, Assignment> entries(Assignment given, Problems problems) {
        DeepSpeedFile file = new DeepSpeedFile(problems);
        if (!ForeignRule.isOff(given)) {
            file.enterAll(given);
        }
        return file.entries;
    }

    private void enterAll(Assignment given) {
        if (given.tree() == null) {
            readFile(ValueTypes.PATH.read(given, Settings.none()));
        } else if (given.tree() instanceof ObjectNode mapping) {
            enterAll(KEY, mapping, given.where());
        } else {
            throw new Unreadable("must be a DeepSpeed configuration, or the path of one", "a list");
        }
    }

    private void readFile(Path file) {
        if (file.toString().endsWith(".json")) {
            enterAll(KEY, (ObjectNode) YamlFile.asText(JsonFile.read(file)), file.toString());
            return;
        }
        YamlFile.read(file).forEach((name, value) -> {
            if (value.tree() != null) {
                enter(KEY + "." + name, value.tree(), value.where());
            } else if (value.text() != null) {
                enterScalar(KEY + "." + name, value.text(), value.where());
            }
        });
    }

    private void enterAll(String prefix, ObjectNode mapping, String where) {
        mapping.properties().forEach(entry -> enter(prefix + "." + entry.getKey(), entry.getValue(), where));
    }

    private void enter(String name, JsonNode value, String where) {
        if (value.isValueNode()) {
            if (!value.isNull()) {
                enterScalar(name, value.asText(), where);
            }
        } else if (DeepSpeedKeys.isDeclared(name)) {
            if (!isOff(name, value)) {
                entries.put(name, Assignment.nested(value, where));
            }
        } else if (value instanceof ObjectNode mapping) {
            enterAll(name, mapping, where);
        } else {
            for (int i = 0; i < value.size(); i++) {
                enter(name + "." + i, value.get(i), where);
            }
        }
    }

    /** What a mapping says of itself: fp16 without enabled, and offload_optimizer without a device, are off in DeepSpeed. */
    private static boolean isOff(String name, JsonNode value) {
        String word = DeepSpeedKeys.switchOf(name);
        JsonNode said = value.path(word);
        boolean isUnsaid =
                said.isMissingNode() || said.isNull() || said.asText().equals(AUTO);
        return !word.isEmpty() && (isUnsaid || ForeignRule.isOff(Assignment.scalar(said.asText(), "")));
    }

    private void enterScalar(String name, String text, String where) {
        if (name.equals(NESTED_FILE)) {
            readFile(Path.of(text));
        } else if (!text.equals(AUTO)) {
            String words = text;
            try {
                words = DeepSpeedKeys.words(name, text);
            } catch (Unreadable e) {
                problems.noteWhole(DeepSpeedKeys.target(name).orElse(name), e.message(name, text, " (" + where + ")"));
            }
            entries.put(name, Assignment.scalar(words, where));
        }
    }

    /** A number of rows in a step that no number of ranks makes. entries: of the configuration, by their names here. */
    static void checkRows(Map<String, Assignment> entries, Settings settings, Problems problems) {
        Assignment given = entries.get(BATCH_ROWS);
        if (given == null || given.text() == null) {
            return;
        }
        BatchOptions batches = new BatchOptions(settings);
        long rows = (long) batches.trainBatchSize() * batches.gradientAccumulationSteps();
        try {
            if (Long.parseLong(plainNumber(given.text())) % rows == 0) {
                return;
            }
        } catch (NumberFormatException e) {
            // What is no number is no multiple.
        }
        problems.note(
                BATCH_ROWS,
                "%s must be a multiple of per_device_train_batch_size times gradient_accumulation_steps, %s, got %s"
                        .formatted(BATCH_ROWS, rows, Echo.of(given.text())));
    }

    /** 500000000 where a file says 5e8; what is no whole number as it is, for its key to refuse. */
    static String plainNumber(String text) {
        try {
            return new BigDecimal(text).stripTrailingZeros().toBigIntegerExact().toString();
        } catch (ArithmeticException | NumberFormatException e) {
            return text;
        }
    }
}
