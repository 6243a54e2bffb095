package io.mmpo.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.PrintableText;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.Ids;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Shows groups as the model will see them: for people, with a colour a segment, or as JSON lines. A JSON line is itself a row
 * of the tokenized shape, so what was inspected can be trained on without a tokenizer; but for tokens that are only read inside of
 * a completion, which no such row can say.
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
        for (Part part : parts(group)) {
            int[] ids = part.ids();
            out.append("  ")
                    .append(part.name())
                    .append(": ")
                    .append(ids.length)
                    .append(ids.length == 1 ? " token" : " tokens");
            out.append(", mask ").append(part.mask()).append('\n');
            tokenizer.ifPresent(t -> out.append("    text ")
                    .append(painted(part, PrintableText.line(t.decode(ids, false))))
                    .append('\n'));
            out.append("    ids  ")
                    .append(painted(
                            part, Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" "))))
                    .append('\n');
        }
        return out.toString();
    }

    /** One line: {@code row}, of every segment {@code <name>_ids} and {@code <name>_text}, and {@code mask} by segment, one a token where they differ. */
    public String json(TokenizedGroup group) {
        ObjectNode line = MAPPER.createObjectNode();
        line.put("row", group.row());
        ObjectNode masks = MAPPER.createObjectNode();
        segments(group).forEach((name, ids) -> {
            int[] plain = Ids.plain(ids);
            line.set(name + "_ids", MAPPER.valueToTree(plain));
            tokenizer.ifPresent(t -> line.put(name + "_text", t.decode(plain, false)));
            int[] mask = Arrays.stream(ids).map(id -> mask(name, id)).toArray();
            boolean allSame = Arrays.stream(mask).distinct().count() <= 1;
            masks.set(name, allSame ? MAPPER.valueToTree(mask(name, ids[0])) : MAPPER.valueToTree(mask));
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

    /** Tokens that follow each other and count alike in the loss; mask: 1 where they do. */
    private record Part(String name, int[] ids, int mask) {}

    /** Segment by segment; one whose tokens do not all count is in several parts. */
    private static List<Part> parts(TokenizedGroup group) {
        List<Part> parts = new ArrayList<>();
        segments(group).forEach((name, ids) -> {
            int begin = 0;
            for (int end = 1; end <= ids.length; end++) {
                if (end == ids.length || mask(name, ids[end]) != mask(name, ids[begin])) {
                    parts.add(new Part(name, Ids.plain(Arrays.copyOfRange(ids, begin, end)), mask(name, ids[begin])));
                    begin = end;
                }
            }
        });
        return parts;
    }

    private static int mask(String segment, int token) {
        return !segment.equals("prompt") && Ids.isLearnt(token) ? 1 : 0;
    }

    /** What is only read has the prompt's colour. */
    private String painted(Part part, String text) {
        return colour ? COLOURS.get(part.mask() == 0 ? "prompt" : part.name()) + text + RESET : text;
    }
}
