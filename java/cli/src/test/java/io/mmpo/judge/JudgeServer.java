package io.mmpo.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/** A judge's server with OpenAI's interface below /v1 and Anthropic's at its root, whose faults follow a script. */
public final class JudgeServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What becomes of a request. */
    public enum Fault {
        NONE,
        RATE_LIMIT,
        UNAVAILABLE,
        MALFORMED,
        DROPPED,
        UNAUTHORIZED
    }

    /** A request that arrived. */
    public record Request(String path, String key, JsonNode body) {
        public String user() {
            JsonNode messages = body.path("messages");
            return messages.path(messages.size() - 1).path("content").asText();
        }
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final List<Request> answered = new CopyOnWriteArrayList<>();
    private final AtomicInteger count = new AtomicInteger();
    private final IntFunction<Fault> script;
    private final long delayMillis;

    /** script: what becomes of each request, by its number from 0. */
    public JudgeServer(IntFunction<Fault> script, long delayMillis) throws IOException {
        this.script = script;
        this.delayMillis = delayMillis;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    public String openAi() {
        return anthropic() + "/v1";
    }

    public String anthropic() {
        return "http://localhost:" + server.getAddress().getPort();
    }

    public List<Request> requests() {
        return requests;
    }

    /** Those whose reply was sent whole. */
    public List<Request> answered() {
        return answered;
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            String key = exchange.getRequestHeaders().getFirst("Authorization");
            Request request = new Request(path, key, JSON.readTree(exchange.getRequestBody()));
            requests.add(request);
            Thread.sleep(delayMillis);
            switch (script.apply(count.getAndIncrement())) {
                case NONE -> {
                    send(exchange, 200, path.endsWith("completions") ? completion(request) : message(request));
                    answered.add(request);
                }
                case RATE_LIMIT -> {
                    exchange.getResponseHeaders().add("Retry-After", "1");
                    send(exchange, 429, error("slow down"));
                }
                case UNAVAILABLE -> {
                    exchange.getResponseHeaders().add("retry-after-ms", "20");
                    send(exchange, 503, error("overloaded"));
                }
                case MALFORMED -> send(exchange, 200, "{\"id\": \"x\", \"choices\": [{\"mess");
                case DROPPED -> {
                    exchange.sendResponseHeaders(200, 1000);
                    exchange.getResponseBody().write("{\"id\":".getBytes(StandardCharsets.UTF_8));
                }
                case UNAUTHORIZED -> send(exchange, 401, error("Incorrect API key provided: " + key));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    static String error(String message) throws IOException {
        return JSON.writeValueAsString(Map.of("type", "error", "error", Map.of("type", "x", "message", message)));
    }

    /** The name that follows from the question alone, so that two runs may be compared. */
    private static String choice(Request request) {
        return request.user().hashCode() % 3 == 0 ? "m" : "M";
    }

    static String completion(Request request) throws IOException {
        String name = choice(request);
        String other = name.equals("m") ? "M" : "m";
        List<Map<String, Object>> likely = List.of(
                Map.of("token", name, "logprob", -0.25, "bytes", List.of()),
                Map.of("token", other, "logprob", -1.5, "bytes", List.of()),
                Map.of("token", "The", "logprob", -9.0, "bytes", List.of()));
        Map<String, Object> token = Map.of("token", name, "logprob", -0.25, "bytes", List.of(), "top_logprobs", likely);
        Map<String, Object> choice = new HashMap<>(
                Map.of("index", 0, "finish_reason", "length", "message", Map.of("role", "assistant", "content", name)));
        if (request.body().path("logprobs").asBoolean()) {
            choice.put("logprobs", Map.of("content", List.of(token)));
        }
        return JSON.writeValueAsString(Map.of(
                "id",
                "chatcmpl-1",
                "object",
                "chat.completion",
                "created",
                1700000000,
                "model",
                request.body().path("model").asText(),
                "choices",
                List.of(choice),
                "usage",
                Map.of("prompt_tokens", 400, "completion_tokens", 1, "total_tokens", 401)));
    }

    static String message(Request request) throws IOException {
        return JSON.writeValueAsString(Map.of(
                "id", "msg_1",
                "type", "message",
                "role", "assistant",
                "model", request.body().path("model").asText(),
                "content", List.of(Map.of("type", "text", "text", choice(request))),
                "stop_reason", "end_turn",
                "usage", Map.of("input_tokens", 400, "output_tokens", 4)));
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
