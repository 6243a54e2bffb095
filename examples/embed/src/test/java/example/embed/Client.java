package example.embed;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Asks a service as its users would. */
record Client(int port) {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();

    record Answer(int status, JsonNode body) {}

    Answer send(String method, String path, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .method(method, BodyPublishers.ofString(body))
                .build();
        HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        return new Answer(response.statusCode(), JSON.readTree(response.body()));
    }

    Answer post(String path, Object body) throws IOException, InterruptedException {
        return send("POST", path, JSON.writeValueAsString(body));
    }

    JsonNode chat(String question) throws IOException, InterruptedException {
        Answer answer = post("/chat", Map.of("messages", messages(question), "max_new_tokens", 12));
        if (answer.status() != 200) {
            throw new IOException("/chat: " + answer);
        }
        return answer.body();
    }

    static List<Map<String, String>> messages(String question) {
        return List.of(Map.of("role", "user", "content", question));
    }

    /** Accepts one reply to each of the questions, and rejects what the model says today. */
    void judge(List<String> questions, String accepted) throws IOException, InterruptedException {
        for (String question : questions) {
            post("/feedback", Map.of("messages", messages(question), "accepted", accepted));
            post(
                    "/feedback",
                    Map.of(
                            "messages",
                            messages(question),
                            "rejected",
                            chat(question).get("reply").asText()));
        }
    }

    JsonNode status() throws IOException, InterruptedException {
        return send("GET", "/tune", "").body();
    }

    JsonNode await(Predicate<JsonNode> reached) throws IOException, InterruptedException {
        JsonNode status = status();
        while (!reached.test(status)) {
            Thread.sleep(20);
            status = status();
        }
        return status;
    }
}
