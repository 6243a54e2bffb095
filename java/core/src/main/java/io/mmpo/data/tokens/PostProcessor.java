package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What tokenizer.json's post_processor puts before and behind the ids of a text. It is read here, and not left to the library,
 * because what stands behind a whole text (an end token) must not stand behind a prompt, which an answer follows.
 *
 * @param trimsSpans whether spaces at its ends do not belong to a token's place
 */
record PostProcessor(List<Integer> before, List<Integer> behind, boolean trimsSpans) {
    static final PostProcessor NOTHING = new PostProcessor(List.of(), List.of(), false);

    static PostProcessor of(JsonNode json, Path file) {
        Reader reader = new Reader(file);
        reader.read(json);
        return new PostProcessor(List.copyOf(reader.before), List.copyOf(reader.behind), reader.trimsSpans);
    }

    /** Processors of a sequence surround what those before them have made. */
    private static final class Reader {
        private final Path file;
        private final List<Integer> before = new ArrayList<>();
        private final List<Integer> behind = new ArrayList<>();
        /** A template's pieces stay apart: what follows would surround each, or break down. */
        private boolean inPieces;

        private boolean trimsSpans;

        Reader(Path file) {
            this.file = file;
        }

        void read(JsonNode processor) {
            if (processor.isMissingNode() || processor.isNull()) {
                return;
            }
            switch (processor.path("type").asText()) {
                case "ByteLevel" -> trim(processor);
                case "BertProcessing", "RobertaProcessing" -> {
                    requireOnePiece();
                    if (processor.path("type").asText().equals("RobertaProcessing")) {
                        trim(processor);
                    }
                    before.addFirst(id(processor.path("cls").path(1)));
                    behind.add(id(processor.path("sep").path(1)));
                }
                case "TemplateProcessing" -> readTemplate(processor);
                case "Sequence" -> processor.path("processors").forEach(this::read);
                default ->
                    throw malformed("a post_processor of type ByteLevel, BertProcessing, RobertaProcessing, "
                            + "TemplateProcessing or Sequence is wanted, found "
                            + PrintableText.excerpt(processor.toString()));
            }
        }

        private void trim(JsonNode processor) {
            trimsSpans |= processor.path("trim_offsets").asBoolean(true);
        }

        private void readTemplate(JsonNode template) {
            requireOnePiece();
            List<Integer> left = new ArrayList<>();
            List<Integer> right = new ArrayList<>();
            int texts = 0;
            for (JsonNode piece : template.path("single")) {
                JsonNode special = piece.path("SpecialToken").path("id");
                if (special.isTextual()) {
                    (texts == 0 ? left : right).addAll(ids(template, special.textValue()));
                    inPieces = true;
                } else if (piece.path("Sequence").path("id").asText().equals("A")) {
                    texts++;
                } else {
                    throw malformed("the template of a single text is wanted as special tokens around $A, found "
                            + PrintableText.excerpt(template.path("single").toString()));
                }
            }
            if (texts != 1) {
                throw malformed("the template of a single text is wanted with $A once, found it " + texts + " times");
            }
            before.addAll(0, left);
            behind.addAll(right);
        }

        private List<Integer> ids(JsonNode template, String name) {
            JsonNode ids = template.path("special_tokens").path(name).path("ids");
            if (!ids.isArray()) {
                throw malformed("the template names " + name + ", which its special_tokens do not have");
            }
            List<Integer> list = new ArrayList<>();
            ids.forEach(id -> list.add(id(id)));
            return list;
        }

        private int id(JsonNode id) {
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                throw malformed("token ids are wanted, found " + PrintableText.excerpt(id.toString()));
            }
            return id.intValue();
        }

        private void requireOnePiece() {
            if (inPieces) {
                throw malformed("a post_processor behind a template that adds tokens is nothing that the tokenizers "
                        + "library can apply as it is meant");
            }
        }

        private MmpoException malformed(String what) {
            return MmpoException.data(
                    "%s, post_processor: %s. Correct it, or save the tokenizer anew with transformers.", file, what);
        }
    }

    private static int[] toInts(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    /** The ids of a text that something follows: nothing stands behind it. */
    int[] open(int[] ids) {
        return before.isEmpty() ? ids : Ids.concat(toInts(before), ids);
    }

    /** The ids that follow those of an {@link #open} text. */
    int[] close(int[] ids) {
        return behind.isEmpty() ? ids : Ids.concat(ids, toInts(behind));
    }

    int[] surround(int[] ids) {
        return close(open(ids));
    }
}
