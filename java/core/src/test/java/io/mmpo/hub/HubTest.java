package io.mmpo.hub;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.absent;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.getRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.http.Fault;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class HubTest {
    private static final HubRepository MODEL = new HubRepository(HubRepository.Type.MODEL, "owner/tiny", "main");
    private static final byte[] CONFIG = FakeHub.bytes("{\"a\": 1}");

    @TempDir
    private Path cache;

    private FakeHub fake;

    @BeforeEach
    void start() {
        fake = new FakeHub(MODEL, cache);
    }

    @AfterEach
    void stop() {
        fake.close();
    }

    private Path fetch(Hub hub, String... names) {
        return hub.fetch(hub.find(MODEL), List.of(names));
    }

    private Path blobs() {
        return cache.resolve("models--owner--tiny/blobs");
    }

    private void assertFails(MmpoException.Kind kind, String... inMessage) {
        assertThatThrownBy(() -> fetch(fake.hub(), "config.json"))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .satisfies(e -> assertThat(e.getMessage()).contains(inMessage).doesNotContain(FakeHub.TOKEN));
    }

    @Test
    void filesLieAsHuggingFaceKeepsThem() throws IOException {
        fake.serve(Map.of("config.json", CONFIG, "sub/vocab file.txt", FakeHub.bytes("v")));
        Path snapshot = fetch(fake.hub(), "config.json");
        assertThat(snapshot).isEqualTo(cache.resolve("models--owner--tiny/snapshots/" + FakeHub.COMMIT));
        assertThat(cache.resolve("models--owner--tiny/refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(Files.readSymbolicLink(snapshot.resolve("config.json")))
                .isEqualTo(Path.of("../../blobs/" + FakeHub.gitHash(CONFIG)));
        assertThat(snapshot.resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(fake.messages).containsExactly("fetching owner/tiny: config.json (1 of 1), 0.0 MB");

        fetch(fake.hub(), "config.json");
        fake.server.verify(1, getRequestedFor(urlEqualTo(fake.address("config.json"))));
    }

    @Test
    void tokenGoesToTheHubAlone() {
        byte[] weights = new byte[300_000];
        new Random(1).nextBytes(weights);
        fake.list(List.of("model.safetensors"));
        fake.serveLarge("model.safetensors", weights);
        Path snapshot = fetch(fake.hub(), "model.safetensors");
        assertThat(snapshot.resolve("model.safetensors")).hasBinaryContent(weights);
        fake.server.verify(getRequestedFor(urlPathEqualTo(fake.listing()))
                .withHeader("Authorization", equalTo("Bearer " + FakeHub.TOKEN)));
        fake.storage.verify(1, getRequestedFor(anyUrl()).withHeader("Authorization", absent()));
        fake.storage.verify(
                0, getRequestedFor(anyUrl()).withHeader("Authorization", equalTo("Bearer " + FakeHub.TOKEN)));
        assertThat(fake.hub().toString()
                        + new HubSettings(
                                java.net.URI.create("https://x"), Optional.of(FakeHub.TOKEN), false, cache, 1))
                .doesNotContain(FakeHub.TOKEN);
    }

    @Test
    void interruptedDownloadGoesOnWhereItStopped() throws IOException {
        byte[] weights = new byte[100_000];
        new Random(2).nextBytes(weights);
        fake.list(List.of("model.safetensors"));
        fake.serveLarge("model.safetensors", weights);
        Path incomplete = blobs().resolve(FakeHub.sha256(weights) + ".incomplete");
        Files.createDirectories(blobs());
        Files.write(incomplete, Arrays.copyOf(weights, 70_000)); // as a killed process leaves it
        fake.storage.stubFor(get(anyUrl())
                .withHeader("Range", equalTo("bytes=70000-"))
                .willReturn(aResponse()
                        .withStatus(206)
                        .withHeader("Content-Range", "bytes 70000-99999/100000")
                        .withBody(Arrays.copyOfRange(weights, 70_000, 100_000))));
        Path snapshot = fetch(fake.hub(), "model.safetensors");
        assertThat(snapshot.resolve("model.safetensors")).hasBinaryContent(weights);
        fake.storage.verify(1, getRequestedFor(anyUrl()));
        assertThat(incomplete).doesNotExist();
    }

    @Test
    void brokenConnectionsAreTriedAgain() throws IOException {
        fake.serve(Map.of("config.json", CONFIG));
        String address = fake.address("config.json");
        fake.server.stubFor(get(urlEqualTo(address))
                .inScenario("bad")
                .whenScenarioStateIs(Scenario.STARTED)
                .willSetStateTo("second")
                .willReturn(aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER)));
        fake.server.stubFor(get(urlEqualTo(address))
                .inScenario("bad")
                .whenScenarioStateIs("second")
                .willSetStateTo("third")
                .willReturn(aResponse().withBody(Arrays.copyOf(CONFIG, 3)))); // too short
        fake.server.stubFor(get(urlEqualTo(address))
                .withHeader("Range", equalTo("bytes=3-"))
                .inScenario("bad")
                .whenScenarioStateIs("third")
                .willReturn(aResponse().withBody(CONFIG))); // a server that knows no ranges
        assertThat(fetch(fake.hub(), "config.json").resolve("config.json")).hasBinaryContent(CONFIG);
    }

    @Test
    void transferCutInTheMiddleGoesOn() throws IOException {
        byte[] weights = new byte[200_000];
        new Random(3).nextBytes(weights);
        try (CutServer cut = new CutServer(weights)) {
            HubFile file = new HubFile("w", FakeHub.sha256(weights), weights.length);
            HubSettings settings = new HubSettings(cut.address(), Optional.empty(), false, cache, 1);
            HubCache hubCache = new HubCache(cache, MODEL);
            new HubDownload(new HubClient(settings), hubCache).fetch(cut.address(), file, done -> {});
            assertThat(hubCache.blob(file.etag())).hasBinaryContent(weights);
            assertThat(cut.ranges()).startsWith("", "bytes=60000-").hasSize(4);
        }
    }

    @Test
    void otherContentThanPromisedIsThrownAway() {
        fake.serve(Map.of("config.json", CONFIG));
        fake.server.stubFor(get(urlEqualTo(fake.address("config.json")))
                .willReturn(aResponse().withBody(FakeHub.bytes("{\"a\": 2}"))));
        assertFails(MmpoException.Kind.DATA, "config.json came with another content", FakeHub.gitHash(CONFIG));
        assertThat(blobs()).isEmptyDirectory();
        assertThat(cache.resolve("models--owner--tiny/snapshots")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "401|DATA|refuses the model owner/tiny (status 401): it is private or gated|1",
                "403|DATA|set HF_TOKEN to a token that may read it|1",
                "404|DATA|has no model owner/tiny (status 404)|1",
                "429|ENVIRONMENT|too many requests|5",
                "500|ENVIRONMENT|answered with status 500|5",
                "503|ENVIRONMENT|answered with status 503|5",
            })
    void refusalsSayWhatToDo(int status, MmpoException.Kind kind, String message, int requests) {
        fake.server.stubFor(
                get(urlPathEqualTo(fake.listing())).willReturn(aResponse().withStatus(status)));
        assertFails(kind, message);
        fake.server.verify(requests, getRequestedFor(urlPathEqualTo(fake.listing())));
    }

    @Test
    void busyHubIsAskedAgain() {
        fake.serve(Map.of("config.json", CONFIG));
        IntStream.range(0, 3)
                .forEach(i -> fake.server.stubFor(get(urlPathEqualTo(fake.listing()))
                        .inScenario("busy")
                        .whenScenarioStateIs(i == 0 ? Scenario.STARTED : "busy" + i)
                        .willSetStateTo("busy" + (i + 1))
                        .willReturn(aResponse().withStatus(i == 1 ? 429 : 500).withHeader("Retry-After", "0"))));
        assertThat(fetch(fake.hub(), "config.json").resolve("config.json")).hasBinaryContent(CONFIG);
        fake.server.verify(4, getRequestedFor(urlPathEqualTo(fake.listing())));
    }

    @Test
    void cacheServesWithoutAHub() {
        fake.serve(Map.of("config.json", CONFIG, "other.json", FakeHub.bytes("o")));
        assertThatThrownBy(() -> fetch(fake.hub(true), "config.json"))
                .hasMessageContaining("The model owner/tiny is not in the cache")
                .hasMessageContaining("HF_HUB_OFFLINE");
        fetch(fake.hub(), "config.json");
        fake.server.resetAll();
        assertThat(fetch(fake.hub(true), "config.json").resolve("config.json")).hasBinaryContent(CONFIG);
        fake.server.verify(0, getRequestedFor(anyUrl()));
        assertThatThrownBy(() -> fetch(fake.hub(true), "other.json")).hasMessageContaining("other.json is missing");

        Hub hub = fake.hub();
        fake.server.stop();
        assertThat(fetch(hub, "config.json").resolve("config.json")).hasBinaryContent(CONFIG);
        assertThat(fake.messages.getLast()).contains("cannot be reached", "taken from the cache");
        HubRepository unknown = new HubRepository(HubRepository.Type.DATASET, "owner/none", "main");
        assertThatThrownBy(() -> hub.find(unknown))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessageContaining("The data set owner/none could not be fetched");
    }

    @ParameterizedTest
    @CsvSource({"../../../../etc/x", "/etc/x", "a/../../../x", "a\\..\\x", "''"})
    void namesThatLeadOutOfTheCacheAreRefused(String name) {
        fake.list(List.of("config.json", name));
        assertFails(MmpoException.Kind.DATA, "would lie outside its directory");
    }

    @Test
    void redirectsAreFollowedWithinLimits() {
        fake.server.stubFor(get(urlPathEqualTo(fake.listing()))
                .willReturn(aResponse().withStatus(302).withHeader("Location", fake.listing())));
        assertFails(MmpoException.Kind.ENVIRONMENT, "redirects more than 5 times");
        fake.server.stubFor(get(urlPathEqualTo(fake.listing()))
                .willReturn(aResponse().withStatus(302).withHeader("Location", "file:///etc/passwd")));
        assertFails(MmpoException.Kind.ENVIRONMENT, "redirects to an address that is not followed (file://");
    }

    @Test
    void answersThatAreNoHubsAreRefused() {
        fake.server.stubFor(
                get(urlPathEqualTo(fake.listing())).willReturn(aResponse().withBody("<html>log in</html>")));
        assertFails(MmpoException.Kind.ENVIRONMENT, "does not answer as a hub does");
        fake.list(List.of());
        assertFails(MmpoException.Kind.ENVIRONMENT, "lists no files of owner/tiny");
        fake.list(List.of("config.json"));
        fake.promise("config.json", "no-hash", 3);
        assertFails(MmpoException.Kind.ENVIRONMENT, "says neither hash nor size");
    }

    @Test
    void modelsNeedSafetensorsAndTakeNothingElse() {
        fake.serve(Map.of(
                "config.json", CONFIG,
                "model.safetensors", FakeHub.bytes("w"),
                "consolidated.safetensors", FakeHub.bytes("c"),
                "onnx/model.safetensors", FakeHub.bytes("x"),
                "pytorch_model.bin", FakeHub.bytes("p")));
        Path directory = ModelDirectory.fetch(MODEL, fake.hub());
        assertThat(directory).isDirectoryNotContaining("glob:**.bin").isDirectoryContaining("glob:**config.json");
        assertThat(directory.toFile().list()).containsExactlyInAnyOrder("config.json", "model.safetensors");
        fake.list(List.of("config.json", "pytorch_model.bin"));
        assertThatThrownBy(() -> ModelDirectory.fetch(MODEL, fake.hub()))
                .hasMessageContaining(
                        "has no weights in safetensors files; its files are config.json, pytorch_model.bin");
    }
}
