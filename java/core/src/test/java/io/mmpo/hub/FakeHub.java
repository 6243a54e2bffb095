package io.mmpo.hub;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.head;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A hub with one repository, and the other host that its large files lie on. */
public final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    static final String TOKEN = "hf_secret";

    final WireMockServer server =
            new WireMockServer(WireMockConfiguration.options().dynamicPort());
    final WireMockServer storage =
            new WireMockServer(WireMockConfiguration.options().dynamicPort());
    final List<String> messages = new ArrayList<>();
    private final HubRepository repository;
    private final Path cache;

    public FakeHub(HubRepository repository, Path cache) {
        this.repository = repository;
        this.cache = cache;
        server.start();
        storage.start();
    }

    Hub hub(boolean offline) {
        return new Hub(
                new HubSettings(URI.create(server.baseUrl()), Optional.of(TOKEN), offline, cache, 1), messages::add);
    }

    public Hub hub() {
        return hub(false);
    }

    String listing() {
        return "/api/" + repository.type().plural + "/" + repository.id() + "/revision/" + repository.revision();
    }

    String address(String name) {
        return "/" + repository.type().pathPrefix + repository.id() + "/resolve/" + COMMIT + "/" + name;
    }

    /** Lists these files, each with its bytes as a small file. */
    public void serve(Map<String, byte[]> files) {
        list(List.copyOf(files.keySet()));
        files.forEach((name, content) -> {
            promise(name, gitHash(content), content.length);
            server.stubFor(get(urlEqualTo(address(name))).willReturn(aResponse().withBody(content)));
        });
    }

    void list(List<String> names) {
        List<Map<String, String>> siblings =
                names.stream().map(name -> Map.of("rfilename", name)).toList();
        try {
            server.stubFor(get(urlPathEqualTo(listing()))
                    .willReturn(okJson(
                            new ObjectMapper().writeValueAsString(Map.of("sha", COMMIT, "siblings", siblings)))));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    /** What HEAD says. */
    void promise(String name, String etag, long size) {
        server.stubFor(head(urlEqualTo(address(name)))
                .willReturn(aResponse()
                        .withHeader("ETag", '"' + etag + '"')
                        .withHeader("X-Linked-Size", Long.toString(size))));
    }

    /** A large file: the hub redirects to the storage, which serves it. */
    void serveLarge(String name, byte[] content) {
        String target = storage.baseUrl() + "/blob/" + sha256(content);
        server.stubFor(com.github.tomakehurst.wiremock.client.WireMock.any(urlEqualTo(address(name)))
                .willReturn(aResponse()
                        .withStatus(302)
                        .withHeader("Location", target)
                        .withHeader("X-Linked-ETag", '"' + sha256(content) + '"')
                        .withHeader("X-Linked-Size", Integer.toString(content.length))));
        storage.stubFor(get(urlEqualTo("/blob/" + sha256(content)))
                .willReturn(aResponse().withBody(content)));
    }

    public static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String gitHash(byte[] content) {
        return hash("SHA-1", bytes("blob " + content.length + "\0"), content);
    }

    static String sha256(byte[] content) {
        return hash("SHA-256", content);
    }

    private static String hash(String algorithm, byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        server.stop();
        storage.stop();
    }
}
