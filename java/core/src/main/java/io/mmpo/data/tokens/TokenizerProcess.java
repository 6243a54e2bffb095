package io.mmpo.data.tokens;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The other side of {@link IsolatedLibrary}: reads a definition from standard input, and then questions; answers go to standard output.
 * An answer begins with whether the library has done what was asked; if not, its message follows.
 */
final class TokenizerProcess {
    static final int ENCODE = 0;
    static final int DECODE = 1;
    static final int DECODE_PLAIN = 2;
    static final int ENCODE_WITH_SPANS = 3;

    private TokenizerProcess() {}

    public static void main(String[] arguments) throws IOException {
        DataInputStream questions =
                new DataInputStream(new BufferedInputStream(new FileInputStream(FileDescriptor.in), 1 << 16));
        DataOutputStream answers =
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));
        System.setOut(System.err); // nothing but answers on standard output
        String definition = readText(questions);
        try (LocalLibrary library = LocalLibrary.load(definition)) {
            answers.writeBoolean(true);
            answers.flush();
            serve(library, questions, answers);
        } catch (TokenizerFault e) {
            refuse(answers, e);
            answers.flush();
        }
    }

    private static void serve(LocalLibrary library, DataInputStream questions, DataOutputStream answers)
            throws IOException {
        for (int question = questions.read(); question >= 0; question = questions.read()) {
            try {
                switch (question) {
                    case ENCODE -> {
                        int[] ids = library.encode(readText(questions));
                        answers.writeBoolean(true);
                        write(answers, ids);
                    }
                    case ENCODE_WITH_SPANS -> {
                        TokenSpans spans = library.encodeWithSpans(readText(questions));
                        answers.writeBoolean(true);
                        write(answers, spans.ids());
                        write(answers, spans.begins());
                        write(answers, spans.ends());
                    }
                    default -> {
                        String text = library.decode(readInts(questions), question == DECODE_PLAIN);
                        answers.writeBoolean(true);
                        write(answers, text.getBytes(StandardCharsets.UTF_8));
                    }
                }
            } catch (TokenizerFault e) {
                refuse(answers, e);
            }
            answers.flush();
        }
    }

    private static void refuse(DataOutputStream answers, TokenizerFault fault) throws IOException {
        answers.writeBoolean(false);
        write(answers, fault.reason().getBytes(StandardCharsets.UTF_8));
    }

    static void requireDone(DataInputStream answers) throws IOException {
        if (!answers.readBoolean()) {
            throw new TokenizerFault(new String(readBytes(answers), StandardCharsets.UTF_8));
        }
    }

    static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    static void write(DataOutputStream out, int[] ids) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * ids.length);
        bytes.asIntBuffer().put(ids);
        write(out, bytes.array());
    }

    private static String readText(DataInputStream in) throws IOException {
        return new String(readBytes(in), StandardCharsets.UTF_8);
    }

    static byte[] readBytes(DataInputStream in) throws IOException {
        int length = in.readInt();
        byte[] bytes = in.readNBytes(length);
        if (bytes.length != length) {
            throw new EOFException();
        }
        return bytes;
    }

    static int[] readInts(DataInputStream in) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(readBytes(in));
        int[] ids = new int[bytes.remaining() / Integer.BYTES];
        bytes.asIntBuffer().get(ids);
        return ids;
    }
}
