package io.mmpo.hub;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a hub says about a file before it is fetched.
 *
 * @param etag of a large file its SHA-256, of another the SHA-1 that git gives its content
 * @param size in bytes
 */
record HubFile(String name, String etag, long size) {
    private static final Pattern HASH = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
    private static final int SHA256_HEX = 64;
    private static final int BUFFER_BYTES = 1 << 20;

    /** From the headers of a response to HEAD. */
    static HubFile of(String name, HttpResponse<InputStream> response) {
        String etag = header(response, "X-Linked-ETag")
                .or(() -> header(response, "ETag"))
                .map(text -> text.replaceFirst("^W/", "").replace("\"", ""))
                .orElse("");
        long size = header(response, "X-Linked-Size")
                .or(() -> header(response, "Content-Length"))
                .filter(text -> text.matches("\\d{1,18}"))
                .map(Long::parseLong)
                .orElse(-1L);
        if (!HASH.matcher(etag).matches() || size < 0) {
            throw MmpoException.environment(
                    "%s says neither hash nor size of %s, so that it cannot be checked; is HF_ENDPOINT a hub?",
                    response.uri().getHost(), name);
        }
        return new HubFile(name, etag, size);
    }

    private static Optional<String> header(HttpResponse<InputStream> response, String name) {
        return response.headers().firstValue(name);
    }

    /** Whether the file has the content that the hub named. */
    boolean matches(Path file) {
        try {
            return Files.size(file) == size && hash(file).equals(etag);
        } catch (IOException e) {
            throw HubCache.failed(file, e);
        }
    }

    private String hash(Path file) throws IOException {
        boolean large = etag.length() == SHA256_HEX;
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance(large ? "SHA-256" : "SHA-1");
            if (!large) {
                digest.update(("blob " + size + "\0").getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            }
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                digest.update(buffer, 0, read);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256 and SHA-1", e);
        }
    }
}
