package example.embed;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.mmpo.ConfigurationException;
import io.mmpo.DataException;
import io.mmpo.GenerationOptions;
import io.mmpo.Message;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Map;

/** What the service understands over HTTP: JSON in, JSON out. */
final class Api {
    private static final System.Logger LOG = System.getLogger(Api.class.getName());
    private static final int LONGEST_REQUEST = 1 << 20; // bytes
    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final Feedback feedback;
    private final Tuner tuner;

    Api(Feedback feedback, Tuner tuner) {
        this.feedback = feedback;
        this.tuner = tuner;
    }

    /** Of POST /chat. max_new_tokens: 256 where it is absent. */
    record Question(List<Message> messages, Integer max_new_tokens) {}

    record Reply(String reply, String finish_reason, String model) {}

    private record Response(int status, Object body) {}

    private interface Work {
        Response of(HttpExchange exchange) throws IOException;
    }

    void addTo(HttpServer server) {
        server.createContext("/", handler(Map.of()));
        server.createContext("/chat", handler(Map.of("POST", this::chat)));
        server.createContext("/feedback", handler(Map.of("POST", this::keep)));
        server.createContext("/tune", handler(Map.of("POST", this::tune, "GET", exchange -> status(200))));
    }

    private Response chat(HttpExchange exchange) throws IOException {
        Question question = read(exchange, Question.class);
        if (question.messages() == null || question.messages().isEmpty()) {
            return problem(400, "messages: give the conversation to reply to");
        }
        GenerationOptions options = GenerationOptions.greedy();
        if (question.max_new_tokens() != null) {
            options = options.withMaxNewTokens(question.max_new_tokens());
        }
        ServedModel.Reply reply = tuner.served().reply(question.messages(), options);
        return new Response(
                200,
                new Reply(reply.answer().text(), reply.answer().finishReason().name(), reply.model()));
    }

    private Response keep(HttpExchange exchange) throws IOException {
        feedback.add(read(exchange, Feedback.Verdict.class));
        return new Response(201, Map.of("verdicts", feedback.size()));
    }

    private Response tune(HttpExchange exchange) throws IOException {
        return switch (tuner.start()) {
            case STARTED -> status(202);
            case ALREADY_RUNNING -> status(409);
            case NOTHING_TO_LEARN ->
                problem(422, "there is no conversation yet with both an accepted and a rejected reply; POST /feedback");
        };
    }

    private Response status(int code) {
        return new Response(code, tuner.status());
    }

    private static <T> T read(HttpExchange exchange, Class<T> type) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(LONGEST_REQUEST + 1);
        if (body.length > LONGEST_REQUEST) {
            throw new IllegalArgumentException("the request has more than " + LONGEST_REQUEST + " bytes");
        }
        T value = JSON.readValue(body, type);
        if (value == null) {
            throw new IllegalArgumentException("the request is null; give an object");
        }
        return value;
    }

    private static Response problem(int status, String error) {
        return new Response(status, Map.of("error", error));
    }

    private static HttpHandler handler(Map<String, Work> methods) {
        return exchange -> {
            try (exchange) {
                Response response = respond(exchange, methods);
                byte[] body = JSON.writeValueAsBytes(response.body());
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                exchange.sendResponseHeaders(response.status(), body.length);
                exchange.getResponseBody().write(body);
            }
        };
    }

    private static Response respond(HttpExchange exchange, Map<String, Work> methods) {
        String path = exchange.getRequestURI().getPath();
        if (methods.isEmpty() || !path.equals(exchange.getHttpContext().getPath())) {
            return problem(404, path + ": there are /chat, /feedback and /tune");
        }
        Work work = methods.get(exchange.getRequestMethod());
        if (work == null) {
            return problem(405, path + " takes " + String.join(", ", methods.keySet()));
        }
        try {
            return work.of(exchange);
        } catch (ValueInstantiationException e) { // a record's own words
            return problem(400, e.getCause().getMessage());
        } catch (JsonProcessingException e) {
            return problem(400, e.getOriginalMessage());
        } catch (IllegalArgumentException | ConfigurationException | DataException e) {
            return problem(400, e.getMessage());
        } catch (IllegalStateException e) {
            return problem(503, "the service is stopping: " + e.getMessage());
        } catch (IOException | RuntimeException e) {
            LOG.log(Level.ERROR, path, e);
            return problem(500, String.valueOf(e.getMessage()));
        }
    }
}
