package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.spec.LossType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * docs/migration.md: between its marks stands a table for every class of TRL's and transformers' arguments, made from the fields of
 * that class (peer-fields.json), their defaults (peer-defaults.json) and the declarations here.
 */
final class MigrationPage {
    static final Path PATH = Path.of(System.getProperty("mmpo.root", "../..")).resolve("docs/migration.md");

    private static final Pattern PART =
            Pattern.compile("(<!-- begin (\\w+) -->\n).*?(<!-- end \\2 -->)", Pattern.DOTALL);

    /** Whose defaults a class is compared with. */
    private static final Map<String, LossType> LOSSES =
            Map.of("SFTConfig", LossType.SFT, "CPOConfig", LossType.SIMPO, "TrainingArguments", LossType.DPO);

    private MigrationPage() {}

    static String expected() throws IOException {
        JsonNode peers = json("peer-fields.json");
        Map<String, String> parts =
                Map.of("today", tables(peers.get("fields")), "earlier", tables(peers.get("earlier")));
        return PART.matcher(Files.readString(PATH))
                .replaceAll(part -> Matcher.quoteReplacement(part.group(1) + parts.get(part.group(2)) + part.group(3)));
    }

    static JsonNode json(String resource) throws IOException {
        try (InputStream stream = MigrationPage.class.getResourceAsStream(resource)) {
            return new ObjectMapper().readTree(stream);
        }
    }

    private static String tables(JsonNode classes) throws IOException {
        JsonNode defaults = json("peer-defaults.json");
        StringBuilder page = new StringBuilder();
        classes.properties().forEach(fields -> {
            page.append("### ").append(fields.getKey()).append("\n| argument | here |\n|---|---|\n");
            for (JsonNode field : fields.getValue()) {
                String name = field.textValue();
                page.append("| `%s` | %s |\n".formatted(name, here(name, fields.getKey(), defaults)));
            }
            page.append('\n');
        });
        return page.toString();
    }

    private static String here(String field, String owner, JsonNode defaults) {
        Optional<ConfigKey<?>> key = ConfigKeys.named(field);
        if (key.isPresent()) {
            String name = key.get().name().equals(field)
                    ? "the same"
                    : "read as `" + key.get().name() + "`";
            return name + otherDefault(key.get(), field, owner, defaults);
        }
        if (field.equals(RecipeKeys.SPLITS)) {
            return "read as `dataset_train_split` and `dataset_test_split`";
        }
        if (field.equals(DeepSpeedFile.KEY)) {
            return "read: its stage, 0 to 2, and what else there is here ([distributed](distributed.md#deepspeeds-configurations))";
        }
        return switch (ForeignKeys.ALL.get(field)) {
            case ForeignRule.Ignored ignored -> "has no effect: " + ignored.why();
            case ForeignRule.Limited limited -> "refused" + accepted(limited) + ": " + limited.mend();
            case ForeignRule.Renamed renamed -> renamed.mend();
        };
    }

    private static String accepted(ForeignRule.Limited limited) {
        return Stream.concat(
                        Stream.of("off"), limited.accepted().stream().sorted().map(value -> "`" + value + "`"))
                .collect(Collectors.joining(", ", " unless ", ""));
    }

    /** Where the key is left out and the two programs then do different things. */
    private static String otherDefault(ConfigKey<?> key, String field, String owner, JsonNode defaults) {
        JsonNode theirs = defaults.path(owner).path(field);
        if (theirs.isMissingNode()) {
            return "";
        }
        @Nullable String ours = key.fallbackFor(LOSSES.getOrDefault(owner, LossType.DPO));
        String ourText = ours == null ? "unset" : ours;
        String theirText = theirs.isNull() ? "unset" : theirs.textValue();
        return isSame(ourText, theirText) ? "" : "; its default is `%s` here, `%s` there".formatted(ourText, theirText);
    }

    private static boolean isSame(String ours, String theirs) {
        try {
            return Double.parseDouble(ours) == Double.parseDouble(theirs);
        } catch (NumberFormatException e) {
            return ours.equals(theirs);
        }
    }
}
