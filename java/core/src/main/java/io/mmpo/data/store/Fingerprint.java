package io.mmpo.data.store;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.IntStream;

/**
 * A name for what something was made from: SHA-256 over named texts and files, so that any changed byte gives another name. A
 * file counts as the SHA-256s of its blocks, which are computed on all processors.
 */
public final class Fingerprint {
    private static final int BLOCK_BYTES = 8 << 20;

    /** Read and digested at a time: calls enough that the JVM soon has the processor's own instructions do it. */
    private static final int PIECE_BYTES = 64 << 10;

    private final MessageDigest digest = sha256();

    public Fingerprint add(String name, String value) {
        putText(name);
        putText(value);
        return this;
    }

    public Fingerprint add(String name, int[] values) {
        putText(name);
        ByteBuffer bytes =
                ByteBuffer.allocate(Integer.BYTES * (values.length + 1)).putInt(values.length);
        bytes.asIntBuffer().put(values);
        digest.update(bytes.array());
        return this;
    }

    /** A file that does not exist counts as one that does not exist. */
    public Fingerprint add(String name, Path file) {
        return add(name, Files.isRegularFile(file) ? contentOf(file) : "absent");
    }

    /** 64 hexadecimal digits; nothing can be added afterwards. */
    public String hex() {
        return HexFormat.of().formatHex(digest.digest());
    }

    private static String contentOf(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            int blocks = Math.toIntExact(Math.ceilDiv(size, (long) BLOCK_BYTES));
            MessageDigest all = sha256();
            IntStream.range(0, blocks)
                    .parallel()
                    .mapToObj(block -> hash(channel, (long) block * BLOCK_BYTES, size, file))
                    .forEachOrdered(all::update);
            return size + ":" + HexFormat.of().formatHex(all.digest());
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    private static byte[] hash(FileChannel channel, long start, long size, Path file) {
        MessageDigest block = sha256();
        ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
        long end = Math.min(start + BLOCK_BYTES, size);
        try {
            for (long at = start; at < end; ) {
                piece.clear().limit((int) Math.min(PIECE_BYTES, end - at));
                int read = channel.read(piece, at);
                if (read < 0) {
                    throw MmpoException.data(
                            "%s became shorter while it was read. Run again when it is complete.", file);
                }
                block.update(piece.flip());
                at += read;
            }
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
        return block.digest();
    }

    private void putText(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
        digest.update(bytes);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
