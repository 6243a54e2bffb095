package io.mmpo.train;

import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.TokenizedGroup;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Tells one set of tokenized rows from another: a run that goes on must find the rows that it began with. */
final class DataFingerprint {
    private static final int BYTES = 8;

    private DataFingerprint() {}

    /** Hexadecimal digits of the rows' token ids in their order. */
    static String of(TokenizedDataset rows) {
        MessageDigest digest = sha256();
        for (int i = 0; i < rows.size(); i++) {
            TokenizedGroup group = rows.get(i);
            update(digest, group.prompt());
            for (int[] completion : group.completions()) {
                update(digest, completion);
            }
        }
        return HexFormat.of().formatHex(digest.digest(), 0, BYTES);
    }

    private static void update(MessageDigest digest, int[] ids) {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (ids.length + 1)).putInt(ids.length);
        bytes.asIntBuffer().put(ids);
        digest.update(bytes.array());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
