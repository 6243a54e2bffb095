package io.mmpo.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.mmpo.judge.JudgeServer.Fault;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.IntFunction;

/** A server with both vendors' batches, OpenAI's below /v1; results come in a shuffled order. A test changes what it does between calls. */
public final class BatchServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What becomes of a question. */
    public enum Outcome {
        ANSWERED,
        MALFORMED,
        /** A line that is no JSON. */
        GARBLED,
        OVERLOADED,
        EXPIRED,
        REFUSED
    }

    /** What becomes of a request. */
    public interface Script {
        /** operation: upload, create, list, status or results. number: of its earlier ones. */
        Fault fault(String operation, int number);
    }

    /** A question that arrived in a batch. */
    private record Item(String id, JsonNode body) {}

    /** A batch that arrived; its results are drawn when it ends. */
    private static final class Sent {
        final String id;
        final JsonNode metadata;
        final List<Item> items;
        final long created = Instant.now().getEpochSecond();
        int polls;
        List<String> output = List.of();
        List<String> errors = List.of();
        boolean isDrawn;
        int expired;

        Sent(String id, JsonNode metadata, List<Item> items) {
            this.id = id;
            this.metadata = metadata;
            this.items = items;
        }
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, List<Item>> files = new HashMap<>();
    private final List<Sent> batches = new ArrayList<>();
    private final Map<String, Integer> operations = new HashMap<>();
    private final List<String> charged = new CopyOnWriteArrayList<>();
    private final List<String> keys = new CopyOnWriteArrayList<>();
    private int drawn;
    private int created;

    public volatile Script script = (operation, number) -> Fault.NONE;
    /** By a question's number over all batches. */
    public volatile IntFunction<Outcome> outcomes = number -> Outcome.ANSWERED;
    /** Times that a batch is said to run yet. */
    public volatile int polls = 1;

    /** Once it was asked so often for its list, what is out has ended. */
    public volatile int endsAtList = Integer.MAX_VALUE;

    public volatile boolean isAbsent;
    public volatile String rejection = "";

    public BatchServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    public String anthropic() {
        return "http://localhost:" + server.getAddress().getPort();
    }

    public String openAi() {
        return anthropic() + "/v1";
    }

    /** Batches that were ever created. */
    public synchronized int created() {
        return created;
    }

    public synchronized int count(String operation) {
        return operations.getOrDefault(operation, 0);
    }

    /** The questions that were answered, each as often as it was. */
    public List<String> charged() {
        return charged;
    }

    public List<String> keys() {
        return keys;
    }

    public synchronized void forget() {
        batches.clear();
    }

    private synchronized void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String key = exchange.getRequestHeaders().getFirst("Authorization");
            keys.add(String.valueOf(key));
            String path = exchange.getRequestURI().getPath();
            String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            if (isAbsent) {
                JudgeServer.send(exchange, 404, JudgeServer.error("no route"));
                return;
            }
            boolean isPost = exchange.getRequestMethod().equals("POST");
            String operation = operation(path, isPost);
            switch (script.fault(operation, operations.merge(operation, 1, Integer::sum) - 1)) {
                case RATE_LIMIT -> {
                    exchange.getResponseHeaders().add("retry-after-ms", "20");
                    JudgeServer.send(exchange, 429, JudgeServer.error("slow down"));
                }
                case UNAUTHORIZED -> JudgeServer.send(exchange, 401, JudgeServer.error("Incorrect API key: " + key));
                case DROPPED -> { // after it was done
                    byte[] bytes = answer(path, operation, body).getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(200, bytes.length);
                    exchange.getResponseBody().write(bytes, 0, bytes.length / 2);
                }
                default -> {
                    String text = answer(path, operation, body);
                    JudgeServer.send(
                            exchange, text.isEmpty() ? 404 : 200, text.isEmpty() ? JudgeServer.error("gone") : text);
                }
            }
        }
    }

    private static String operation(String path, boolean isPost) {
        if (path.equals("/v1/files")) {
            return "upload";
        }
        if (path.endsWith("/batches")) {
            return isPost ? "create" : "list";
        }
        return path.endsWith("/results") || path.endsWith("/content") ? "results" : "status";
    }

    /** Empty: not found. */
    private String answer(String path, String operation, String body) throws IOException {
        boolean isOpenAi = !path.startsWith("/v1/messages");
        return switch (operation) {
            case "upload" -> upload(body);
            case "create" -> create(JSON.readTree(body), isOpenAi);
            case "list" -> list(isOpenAi);
            case "status" -> status(path, isOpenAi);
            default -> results(path, isOpenAi);
        };
    }

    private String upload(String body) throws IOException {
        List<Item> items = new ArrayList<>();
        for (String line : body.lines().filter(text -> text.startsWith("{")).toList()) {
            JsonNode item = JSON.readTree(line);
            if (item.path("url").asText().equals("/v1/chat/completions")) {
                items.add(new Item(item.path("custom_id").asText(), item.path("body")));
            }
        }
        String id = "file-" + files.size();
        files.put(id, items);
        return JSON.createObjectNode()
                .put("id", id)
                .put("object", "file")
                .put("bytes", body.length())
                .put("created_at", 1)
                .put("filename", "x.jsonl")
                .put("purpose", "batch")
                .put("status", "processed")
                .toString();
    }

    private String create(JsonNode body, boolean isOpenAi) {
        List<Item> items = new ArrayList<>();
        if (isOpenAi) {
            items.addAll(files.get(body.path("input_file_id").asText()));
        } else {
            body.path("requests")
                    .forEach(request ->
                            items.add(new Item(request.path("custom_id").asText(), request.path("params"))));
        }
        Sent sent = new Sent("batch-" + created++, body.path("metadata"), items);
        batches.add(sent);
        return describe(sent, isOpenAi);
    }

    private String list(boolean isOpenAi) throws IOException {
        ObjectNode list = JSON.createObjectNode().put("object", "list").put("has_more", false);
        for (Sent sent : batches.reversed()) {
            if (count("list") >= endsAtList) {
                draw(sent, isOpenAi);
            }
            list.withArray("data").add(JSON.readTree(describe(sent, isOpenAi)));
        }
        return list.toString();
    }

    private String status(String path, boolean isOpenAi) throws IOException {
        for (Sent sent : batches) {
            if (path.endsWith("/" + sent.id)) {
                if (++sent.polls > polls && rejection.isEmpty()) {
                    draw(sent, isOpenAi);
                }
                return describe(sent, isOpenAi);
            }
        }
        return "";
    }

    private String results(String path, boolean isOpenAi) {
        for (Sent sent : batches) {
            if (path.contains("/" + sent.id + "/")) {
                return String.join("\n", sent.output) + "\n";
            }
            if (path.contains("/errors-" + sent.id + "/")) {
                return String.join("\n", sent.errors) + "\n";
            }
        }
        return "";
    }

    private void draw(Sent sent, boolean isOpenAi) throws IOException {
        if (sent.isDrawn) {
            return;
        }
        sent.isDrawn = true;
        List<String> output = new ArrayList<>();
        List<String> errors = new ArrayList<>();
        for (Item item : sent.items) {
            Outcome outcome = outcomes.apply(drawn++);
            boolean isError = outcome == Outcome.EXPIRED || outcome == Outcome.OVERLOADED || outcome == Outcome.REFUSED;
            sent.expired += outcome == Outcome.EXPIRED ? 1 : 0;
            (isOpenAi && isError ? errors : output)
                    .add(isOpenAi ? openAiLine(item, outcome) : anthropicLine(item, outcome));
        }
        Collections.shuffle(output, new Random(drawn));
        sent.output = output;
        sent.errors = errors;
    }

    private String openAiLine(Item item, Outcome outcome) throws IOException {
        ObjectNode line = JSON.createObjectNode().put("id", "req").put("custom_id", item.id());
        ObjectNode response = JSON.createObjectNode().put("status_code", 200).put("request_id", "r");
        switch (outcome) {
            case ANSWERED -> response.set("body", JSON.readTree(JudgeServer.completion(answered(item))));
            case MALFORMED -> response.putObject("body").put("id", "x");
            case OVERLOADED ->
                response.put("status_code", 503)
                        .putObject("body")
                        .putObject("error")
                        .put("message", "overloaded");
            case REFUSED ->
                response.put("status_code", 400)
                        .putObject("body")
                        .putObject("error")
                        .put("message", "no such thing");
            case EXPIRED -> {
                line.putObject("error")
                        .put("code", "batch_expired")
                        .put("message", "This request could not be executed in time.");
                return line.putNull("response").toString();
            }
            case GARBLED -> {
                return "{\"custom_id\": \"" + item.id();
            }
        }
        return line.putNull("error").set("response", response).toString();
    }

    private String anthropicLine(Item item, Outcome outcome) throws IOException {
        ObjectNode result = JSON.createObjectNode();
        switch (outcome) {
            case ANSWERED ->
                result.put("type", "succeeded").set("message", JSON.readTree(JudgeServer.message(answered(item))));
            case MALFORMED ->
                result.put("type", "succeeded").putObject("message").put("id", "x");
            case OVERLOADED -> error(result, "overloaded_error", "overloaded");
            case REFUSED -> error(result, "invalid_request_error", "no such thing");
            case EXPIRED -> result.put("type", "expired");
            case GARBLED -> {
                return "{\"custom_id\": \"" + item.id();
            }
        }
        return JSON.createObjectNode()
                .put("custom_id", item.id())
                .set("result", result)
                .toString();
    }

    private static void error(ObjectNode result, String type, String message) {
        result.put("type", "errored");
        result.putObject("error")
                .put("type", "error")
                .putObject("error")
                .put("type", type)
                .put("message", message);
    }

    private JudgeServer.Request answered(Item item) {
        JudgeServer.Request request = new JudgeServer.Request("", "", item.body());
        charged.add(request.user());
        return request;
    }

    private String describe(Sent sent, boolean isOpenAi) {
        int total = sent.items.size();
        if (isOpenAi) {
            String ended = sent.expired > 0 ? "expired" : "completed";
            ObjectNode batch = JSON.createObjectNode()
                    .put("id", sent.id)
                    .put("object", "batch")
                    .put("endpoint", "/v1/chat/completions")
                    .put("input_file_id", "file-0")
                    .put("completion_window", "24h")
                    .put("created_at", sent.created)
                    .put("status", sent.isDrawn ? ended : rejection.isEmpty() ? "in_progress" : "failed");
            batch.set("metadata", sent.metadata);
            batch.putObject("request_counts")
                    .put("total", total)
                    .put("completed", sent.output.size())
                    .put("failed", sent.errors.size());
            if (!rejection.isEmpty()) {
                batch.putObject("errors")
                        .put("object", "list")
                        .putArray("data")
                        .addObject()
                        .put("message", rejection);
            }
            if (sent.isDrawn) {
                batch.put("output_file_id", sent.id)
                        .put("error_file_id", sent.errors.isEmpty() ? null : "errors-" + sent.id);
            }
            return batch.toString();
        }
        ObjectNode batch = JSON.createObjectNode()
                .put("id", sent.id)
                .put("type", "message_batch")
                .put("processing_status", sent.isDrawn ? "ended" : "in_progress")
                .put("created_at", Instant.ofEpochSecond(sent.created).toString())
                .put("expires_at", Instant.ofEpochSecond(sent.created + 86400).toString())
                .put("results_url", sent.isDrawn ? anthropic() + "/v1/messages/batches/" + sent.id + "/results" : null);
        for (String time : List.of("archived_at", "cancel_initiated_at", "ended_at")) {
            batch.putNull(time);
        }
        batch.putObject("request_counts")
                .put("processing", sent.isDrawn ? 0 : total)
                .put("succeeded", sent.isDrawn ? total - sent.expired : 0)
                .put("errored", 0)
                .put("canceled", 0)
                .put("expired", sent.expired);
        return batch.toString();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
