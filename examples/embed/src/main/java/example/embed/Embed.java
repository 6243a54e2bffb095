package example.embed;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalTime;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;

/** A service that answers with a model, keeps what its users think of the answers, and learns from that without a restart. */
public final class Embed implements AutoCloseable {
    private static final String USAGE = """
            usage: java -jar embed.jar MODEL DIRECTORY [PORT [HH:MM]]
            MODEL: a directory in Hugging Face's layout. DIRECTORY: where feedback and adapters are kept.
            PORT: 8080 where it is absent. HH:MM: when to tune every day; without it only POST /tune does.""";

    private final Feedback feedback;
    private final Tuner tuner;
    private final Optional<Nightly> nightly;
    private final HttpServer server;

    private Embed(Feedback feedback, Tuner tuner, Optional<Nightly> nightly, HttpServer server) {
        this.feedback = feedback;
        this.tuner = tuner;
        this.nightly = nightly;
        this.server = server;
    }

    /** Answers on this machine's own address, from when it returns. port: 0 for one that is free. */
    static Embed start(Path model, Path directory, int port, Optional<LocalTime> time) throws IOException {
        Files.createDirectories(directory);
        Feedback feedback = Feedback.open(directory.resolve("feedback.jsonl"));
        try {
            return start(model, directory, port, time, feedback);
        } catch (IOException | RuntimeException e) {
            feedback.close();
            throw e;
        }
    }

    private static Embed start(Path model, Path directory, int port, Optional<LocalTime> time, Feedback feedback)
            throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        Tuner tuner = Tuner.open(model, directory.resolve("runs"), keys(directory.resolve("tuning.json")), feedback);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        new Api(feedback, tuner).addTo(server);
        server.start();
        return new Embed(feedback, tuner, time.map(daily -> new Nightly(daily, tuner)), server);
    }

    /** Keys of mmpo's configuration with their values, where somebody has put such a file there. */
    private static Map<String, Object> keys(Path file) throws IOException {
        return Files.exists(file)
                ? new ObjectMapper().readValue(file.toFile(), new TypeReference<Map<String, Object>>() {})
                : Map.of();
    }

    int port() {
        return server.getAddress().getPort();
    }

    /** Takes no more requests, cancels a run that goes on, and ends answers that are being drawn. */
    @Override
    public void close() throws IOException {
        nightly.ifPresent(Nightly::close);
        tuner.close();
        server.stop(1);
        feedback.close();
    }

    public static void main(String[] arguments) {
        if (arguments.length < 2 || arguments.length > 4) {
            end(2, USAGE);
        }
        try {
            int port = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 8080;
            Optional<LocalTime> time =
                    arguments.length > 3 ? Optional.of(LocalTime.parse(arguments[3])) : Optional.empty();
            Embed embed = start(Path.of(arguments[0]), Path.of(arguments[1]), port, time);
            Runtime.getRuntime().addShutdownHook(new Thread(embed::stop));
            System.out.println("http://localhost:" + embed.port());
        } catch (NumberFormatException | DateTimeParseException e) {
            end(2, e.getMessage() + "\n" + USAGE);
        } catch (IOException | MmpoException e) {
            end(1, e.getMessage());
        }
    }

    private static void end(int status, String message) {
        System.err.println(message);
        System.exit(status);
    }

    private void stop() {
        try {
            close();
        } catch (IOException e) {
            System.err.println("the feedback could not be closed: " + e);
        }
    }
}
