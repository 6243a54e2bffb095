package io.mmpo.files;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/** Text of files from outside: bytes that are no UTF-8 are an error that says where they stand. */
public final class Utf8 {
    private static final int BUFFER_BYTES = 1 << 16;

    private Utf8() {}

    /** Where text stops being UTF-8; its message is the end of a sentence about a file. */
    public static final class Malformed extends IOException {
        private static final long serialVersionUID = 1L;
        private final long offset;
        private final long line;

        Malformed(long offset, long line) {
            super("it is not UTF-8 text (byte " + (offset + 1) + ", in line " + line + ")");
            this.offset = offset;
            this.line = line;
        }

        /** From 0. */
        public long offset() {
            return offset;
        }

        /** From 1. */
        public long line() {
            return line;
        }

        @Override
        public String toString() {
            return Objects.requireNonNull(getMessage());
        }
    }

    /** A file's text. */
    public static String read(Path file) throws IOException {
        return decode(Files.readAllBytes(file));
    }

    public static String decode(byte[] bytes) throws Malformed {
        try {
            return decoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw located(bytes);
        }
    }

    /** The first place that is no UTF-8; empty where there is none. Reads to there. */
    public static Optional<Malformed> firstMalformed(InputStream input) throws IOException {
        CharsetDecoder decoder = decoder();
        byte[] array = new byte[BUFFER_BYTES];
        ByteBuffer bytes = ByteBuffer.wrap(array);
        CharBuffer chars = CharBuffer.allocate(BUFFER_BYTES);
        long offset = 0;
        long line = 1;
        bytes.limit(0);
        while (true) {
            bytes.compact();
            int read = input.readNBytes(array, bytes.position(), bytes.remaining());
            bytes.position(bytes.position() + read).flip();
            boolean atEnd = read == 0;
            chars.clear();
            CoderResult result = decoder.decode(bytes, chars, atEnd);
            for (int i = 0; i < bytes.position(); i++) {
                line += array[i] == '\n' ? 1 : 0;
            }
            offset += bytes.position();
            if (result.isError()) {
                return Optional.of(new Malformed(offset, line));
            }
            if (atEnd && result.isUnderflow()) {
                return Optional.empty();
            }
        }
    }

    private static Malformed located(byte[] bytes) {
        try {
            return firstMalformed(new ByteArrayInputStream(bytes)).orElseThrow();
        } catch (IOException e) {
            throw new IllegalStateException("bytes in memory could not be read", e);
        }
    }

    private static CharsetDecoder decoder() {
        return StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
    }
}
