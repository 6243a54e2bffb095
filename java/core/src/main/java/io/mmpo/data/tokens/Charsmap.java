package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.BitSet;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * SentencePiece's precompiled_charsmap: a table of replacements behind a double-array trie (Darts) over bytes of UTF-8. The
 * library follows it without looking, and ends the process where it leads out of the table; so all its ways are walked here first.
 *
 * <p>A unit of the trie: bits 0-7 the label, 8 whether a value follows, 9 a wider offset, 10-31 the offset; or a value, in 31 bits.
 */
final class Charsmap {
    private final int[] units;
    private final byte[] replacements;

    private Charsmap(int[] units, byte[] replacements) {
        this.units = units;
        this.replacements = replacements;
    }

    static void check(JsonNode base64, Path file) {
        String fault;
        try {
            fault = read(Base64.getDecoder().decode(base64.asText())).fault();
        } catch (IllegalArgumentException | CharacterCodingException e) {
            fault = e.getMessage();
        }
        if (fault != null) {
            throw MmpoException.data(
                    "%s: the precompiled_charsmap of its normalizer is damaged (%s). Fetch the file again, or save the tokenizer anew with "
                            + "transformers.",
                    file, fault);
        }
    }

    private static Charsmap read(byte[] bytes) throws CharacterCodingException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (bytes.length < Integer.BYTES) {
            throw new IllegalArgumentException("it has " + bytes.length + " bytes");
        }
        long trieBytes = Integer.toUnsignedLong(buffer.getInt());
        if (trieBytes < Integer.BYTES || trieBytes > buffer.remaining()) {
            throw new IllegalArgumentException("its trie has " + trieBytes + " bytes, of " + buffer.remaining());
        }
        int[] units = new int[(int) (trieBytes / Integer.BYTES)];
        buffer.asIntBuffer().get(units);
        buffer.position(buffer.position() + units.length * Integer.BYTES);
        byte[] replacements = new byte[buffer.remaining()];
        buffer.get(replacements);
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(replacements));
        return new Charsmap(units, replacements);
    }

    /** What a text could meet, or null. */
    private @Nullable String fault() {
        BitSet seen = new BitSet(units.length);
        Deque<Integer> open = new ArrayDeque<>();
        open.add(offset(units[0]));
        while (!open.isEmpty()) {
            int node = open.pop();
            if (seen.get(node)) {
                continue;
            }
            for (int label = 1; label < 256; label++) {
                int place = node ^ label;
                if (place >= units.length) {
                    return "its trie leads to unit " + place + " of " + units.length;
                }
                int unit = units[place];
                if ((unit & 0x800000FF) != label) {
                    continue;
                }
                int next = place ^ offset(unit);
                if ((unit & 0x100) != 0 && !isReplacement(next)) {
                    return "its trie leads to a replacement that it has not";
                }
                open.push(next);
            }
            seen.set(node);
        }
        return null;
    }

    private boolean isReplacement(int place) {
        if (place >= units.length) {
            return false;
        }
        int start = units[place] & 0x7FFFFFFF;
        boolean insideCharacter = start < replacements.length && (replacements[start] & 0xC0) == 0x80;
        return start <= replacements.length && !insideCharacter;
    }

    private static int offset(int unit) {
        return (unit >>> 10) << ((unit & 0x200) >>> 6);
    }
}
