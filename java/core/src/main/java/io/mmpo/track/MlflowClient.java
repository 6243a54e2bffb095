package io.mmpo.track;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.PrintableText;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Calls of MLflow's REST interface, version 2.0, each once. */
final class MlflowClient {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration RESPONSE_TIMEOUT = Duration.ofSeconds(30);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final MlflowSettings settings;
    private final HttpClient http = HttpClient.newBuilder()
            .connectTimeout(CONNECT_TIMEOUT)
            .followRedirects(HttpClient.Redirect.NEVER) // the authorization is the server's alone
            .version(HttpClient.Version.HTTP_1_1)
            .build();

    MlflowClient(MlflowSettings settings) {
        this.settings = settings;
    }

    /** An answer that says no: asking again would not help, unless it is busy. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1L;
        private final int status;
        private final String code;

        private Refused(int status, String code, String message) {
            super("status " + status + (message.isEmpty() ? "" : ", " + PrintableText.excerpt(message, 300)));
            this.status = status;
            this.code = code;
        }

        boolean isBusy() {
            return status == 408 || status == 429 || status >= 500;
        }

        /** MLflow's error_code. */
        boolean isOf(String errorCode) {
            return code.equals(errorCode);
        }
    }

    /** query: a name and its value. */
    JsonNode get(String path, String name, String value) throws IOException, InterruptedException {
        return send(request(path + "?" + name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8))
                .GET());
    }

    JsonNode post(String path, ObjectNode body) throws IOException, InterruptedException {
        return send(request(path)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(JSON.writeValueAsString(body))));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(settings.server() + "/api/2.0/mlflow/" + path))
                .timeout(RESPONSE_TIMEOUT);
        settings.authorization().ifPresent(value -> request.header("Authorization", value));
        return request;
    }

    private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> response = http.send(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8));
        JsonNode body = parse(response.body());
        if (response.statusCode() / 100 != 2) {
            throw new Refused(
                    response.statusCode(),
                    body.path("error_code").asText(),
                    body.path("message").asText());
        }
        return body;
    }

    /** A proxy's page is no JSON, and its status says enough. */
    private static JsonNode parse(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            return JSON.createObjectNode();
        }
    }
}
