package io.mmpo.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.PrintableText;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Shows groups as the model will see them: for people, with a colour a segment, or as JSON lines. A JSON line is itself a row
 * of the tokenized shape, so what was inspected can be trained on without a tokenizer.
 */
public final class DataInspection {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();
    private static final String RESET = "\u001b[0m";
    private static final Map<String, String> COLOURS = Map.of(
            "prompt", "\u001b[36m", "chosen", "\u001b[32m", "rejected", "\u001b[31m", "completion", "\u001b[32m");

    private final Optional<Tokenizer> tokenizer;
    private final boolean colour;

    /**
     * @param tokenizer for the text of ids; without it only ids are shown
     * @param colour whether the output goes to a terminal that shows colours
     */
    public DataInspection(Optional<Tokenizer> tokenizer, boolean colour) {
        this.tokenizer = tokenizer;
        this.colour = colour;
    }

    /** Several lines: of every segment its length, whether the loss counts it, its text and its ids. */
    public String describe(TokenizedGroup group) {
        StringBuilder out = new StringBuilder("row ").append(group.row()).append('\n');
        segments(group).forEach((name, ids) -> {
            out.append("  ")
                    .append(name)
                    .append(": ")
                    .append(ids.length)
                    .append(ids.length == 1 ? " token" : " tokens");
            out.append(", mask ").append(mask(name)).append('\n');
            tokenizer.ifPresent(t -> out.append("    text ")
                    .append(painted(name, PrintableText.line(t.decode(ids, false))))
                    .append('\n'));
            out.append("    ids  ")
                    .append(painted(
                            name, Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" "))))
                    .append('\n');
        });
        return out.toString();
    }

    /** One line: {@code row}, of every segment {@code <name>_ids} and {@code <name>_text}, and {@code mask} by segment. */
    public String json(TokenizedGroup group) {
        ObjectNode line = MAPPER.createObjectNode();
        line.put("row", group.row());
        ObjectNode masks = MAPPER.createObjectNode();
        segments(group).forEach((name, ids) -> {
            line.set(name + "_ids", MAPPER.valueToTree(ids));
            tokenizer.ifPresent(t -> line.put(name + "_text", t.decode(ids, false)));
            masks.put(name, mask(name));
        });
        line.set("mask", masks);
        return line.toString();
    }

    /** One line: {@code {"summary": {...}, "lengths": {segment: {upper end of a class: count}}}}. */
    public String json(DatasetSummary summary, LengthHistogram lengths) {
        ObjectNode line = MAPPER.createObjectNode();
        line.set("summary", MAPPER.valueToTree(summary));
        line.set("lengths", MAPPER.valueToTree(lengths.counts()));
        return line.toString();
    }

    static Map<String, int[]> segments(TokenizedGroup group) {
        Map<String, int[]> segments = new LinkedHashMap<>();
        segments.put("prompt", group.prompt());
        if (group.completions().length == 2) {
            segments.put("chosen", group.completions()[0]);
            segments.put("rejected", group.completions()[1]);
        } else {
            segments.put("completion", group.completions()[0]);
        }
        return segments;
    }

    /** 1 where a token counts in the loss. */
    private static int mask(String segment) {
        return segment.equals("prompt") ? 0 : 1;
    }

    private String painted(String segment, String text) {
        return colour ? COLOURS.get(segment) + text + RESET : text;
    }
}
