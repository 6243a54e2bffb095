package io.mmpo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A headless Chromium, told what to do over its DevTools protocol. Tests that want one are skipped where there is none. */
final class Chromium implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long TIMEOUT_SECONDS = 60;

    private final Process process;
    private final WebSocket socket;
    private final BlockingQueue<JsonNode> received;
    private final List<String> problems = new ArrayList<>();
    private String session = "";
    private int lastId;

    private Chromium(Process process, WebSocket socket, BlockingQueue<JsonNode> received) {
        this.process = process;
        this.socket = socket;
        this.received = received;
    }

    /** profile: a directory for what it keeps. */
    static Chromium start(Path profile) throws Exception {
        Path program = Stream.of("chromium", "chromium-browser", "google-chrome")
                .flatMap(name -> Stream.of(System.getenv("PATH").split(":")).map(path -> Path.of(path, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
        Assumptions.assumeTrue(program != null, "skipped: no chromium on the PATH (Debian's package chromium)");
        Process process = new ProcessBuilder(
                        program.toString(),
                        "--headless=new",
                        "--no-sandbox", // CI runs as root
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--remote-debugging-port=0",
                        "--user-data-dir=" + profile,
                        "about:blank")
                .redirectErrorStream(true)
                .redirectOutput(profile.resolve("chromium.log").toFile())
                .start();
        try {
            BlockingQueue<JsonNode> received = new LinkedBlockingQueue<>();
            WebSocket socket = HttpClient.newHttpClient()
                    .newWebSocketBuilder()
                    .buildAsync(URI.create("ws://127.0.0.1:" + address(process, profile)), new Listener(received))
                    .get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            Chromium chromium = new Chromium(process, socket, received);
            chromium.openTab();
            return chromium;
        } catch (Exception | Error e) {
            process.destroyForcibly();
            throw e;
        }
    }

    /** "PORT/devtools/browser/ID", once it is written. */
    private static String address(Process process, Path profile) throws IOException, InterruptedException {
        Path file = profile.resolve("DevToolsActivePort");
        for (long i = 0; i < TIMEOUT_SECONDS * 20; i++) {
            if (Files.exists(file) && Files.readAllLines(file).size() >= 2) {
                return String.join("", Files.readAllLines(file));
            }
            if (!process.isAlive()) {
                throw new IllegalStateException("Chromium ended: " + Files.readString(profile.resolve("chromium.log")));
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("Chromium does not answer");
    }

    private void openTab() throws Exception {
        String target = call("Target.createTarget", Map.of("url", "about:blank"))
                .path("targetId")
                .asText();
        session = call("Target.attachToTarget", Map.of("targetId", target, "flatten", true))
                .path("sessionId")
                .asText();
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            call(domain + ".enable", Map.of());
        }
    }

    /** Shows a page as a screen of this width does. */
    void show(Path page, int width, int height, boolean isDark) throws Exception {
        problems.clear();
        call(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 2, "mobile", width < 600));
        call(
                "Emulation.setEmulatedMedia",
                Map.of(
                        "features",
                        List.of(Map.of("name", "prefers-color-scheme", "value", isDark ? "dark" : "light"))));
        call("Page.navigate", Map.of("url", page.toUri().toString()));
        for (int i = 0;
                i < 200
                        && !evaluate("document.readyState + location.protocol")
                                .asText()
                                .equals("completefile:");
                i++) {
            Thread.sleep(25);
        }
    }

    JsonNode evaluate(String expression) throws Exception {
        return call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true))
                .path("result")
                .path("value");
    }

    /** The whole page as a picture. */
    byte[] screenshot() throws Exception {
        JsonNode result = call("Page.captureScreenshot", Map.of("format", "png", "captureBeyondViewport", true));
        return Base64.getDecoder().decode(result.path("data").asText());
    }

    /** What the console, the log or the network has complained of since the page was opened. */
    List<String> problems() {
        return List.copyOf(problems);
    }

    private JsonNode call(String method, Map<String, ?> parameters) throws Exception {
        int id = ++lastId;
        ObjectNode message = JSON.createObjectNode().put("id", id).put("method", method);
        message.set("params", JSON.valueToTree(parameters));
        if (!session.isEmpty()) {
            message.put("sessionId", session);
        }
        socket.sendText(message.toString(), true).get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        while (true) {
            JsonNode answer = received.poll(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            if (answer == null) {
                throw new IllegalStateException("Chromium does not answer to " + method);
            }
            note(answer);
            if (answer.path("id").asInt() == id) {
                if (answer.has("error")) {
                    throw new IllegalStateException(method + ": " + answer.path("error"));
                }
                return answer.path("result");
            }
        }
    }

    private void note(JsonNode event) {
        switch (event.path("method").asText()) {
            case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Network.loadingFailed" ->
                problems.add(event.toString());
            case "Network.requestWillBeSent" -> {
                String url = event.path("params").path("request").path("url").asText();
                if (!url.startsWith("file:") && !url.startsWith("about:")) {
                    problems.add("asked for " + url);
                }
            }
            default -> {}
        }
    }

    @Override
    public void close() throws Exception {
        try {
            socket.sendText("{\"id\":0,\"method\":\"Browser.close\"}", true).get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
            process.waitFor(10, TimeUnit.SECONDS);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
    }

    /** Puts messages together from their parts. */
    private record Listener(BlockingQueue<JsonNode> received, StringBuilder text) implements WebSocket.Listener {
        Listener(BlockingQueue<JsonNode> received) {
            this(received, new StringBuilder());
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
            text.append(part);
            if (isLast) {
                try {
                    received.add(JSON.readTree(text.toString()));
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                } finally {
                    text.setLength(0);
                }
            }
            socket.request(1);
            return null;
        }
    }
}
