package io.mmpo.eval.judge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A judge's replies on disk, for this comparison and later ones: a line for each question before it is sent, with the most that it may
 * cost, and one for what came of it. So a reply that a killed process never saw still counts as paid for. A batch has a line before it is
 * sent, with all its questions, one with the id that the server gave it, and one when all that came of it is kept.
 */
public final class VerdictStore implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String KEY = "key";
    private static final String ASKED = "asked";
    private static final String CHARGED = "charged";
    private static final String REPLY = "reply";
    private static final String BATCH = "batch";
    private static final String BEGUN = "begun";
    private static final String KEYS = "keys";
    private static final String ID = "id";
    private static final String ENDED = "ended";

    private final Path file;
    private final OwnerLock lock;
    private final FileChannel channel;
    private final Map<String, Reply> replies = new HashMap<>();
    private final Map<String, Double> charges = new HashMap<>();
    /** What the last attempt may cost, where nothing is known of its end. */
    private final Map<String, Double> open = new HashMap<>();
    /** Those that have not ended, by their names. */
    private final Map<String, Batch> batches = new LinkedHashMap<>();

    private VerdictStore(Path file, OwnerLock lock) throws IOException {
        this.file = file;
        this.lock = lock;
        this.channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    /** Held by this process alone. messages: hears of what is odd. */
    public static VerdictStore open(Path file, Consumer<String> messages) {
        OwnerLock lock = OwnerLock.beside(file, "the judge's replies in " + file, messages);
        try {
            VerdictStore store = new VerdictStore(file, lock);
            store.read();
            return store;
        } catch (IOException e) {
            lock.close();
            throw failed(file, e);
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private void read() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(channel.size()));
        while (bytes.hasRemaining() && channel.read(bytes) >= 0) {}
        int size = bytes.position();
        while (size > 0 && bytes.get(size - 1) != '\n') {
            size--;
        }
        String whole = new String(bytes.array(), 0, size, StandardCharsets.UTF_8);
        int number = 0;
        for (String line : whole.lines().toList()) {
            number++;
            try {
                take(JSON.readTree(line));
            } catch (JsonProcessingException e) {
                throw MmpoException.of(
                        MmpoException.Kind.DATA,
                        e,
                        "%s, line %d: a judge's reply is wanted, as mmpo wrote it, found something else. Restore the file, or remove the line;"
                                + " its question is then asked again.",
                        file,
                        number);
            }
        }
        // Nothing must follow the half line of a killed process.
        channel.truncate(size);
        channel.position(channel.size());
    }

    private void take(JsonNode line) {
        if (line.has(BATCH)) {
            takeBatch(line.path(BATCH).asText(), line);
            return;
        }
        String key = line.path(KEY).asText();
        if (line.has(ASKED)) {
            takeAsked(key, line.path(ASKED).asDouble());
            return;
        }
        takeEnd(key, line.path(CHARGED).asDouble());
        if (line.has(REPLY)) {
            replies.put(key, Reply.ofJson(line.path(REPLY)));
        }
    }

    private void takeAsked(String key, double most) {
        charges.merge(key, most, Double::sum);
        open.put(key, most);
    }

    private void takeEnd(String key, double charged) {
        Double asked = open.remove(key);
        charges.merge(key, charged - (asked == null ? 0 : asked), Double::sum);
    }

    private void takeBatch(String name, JsonNode line) {
        if (line.has(BEGUN)) {
            List<String> keys = new ArrayList<>();
            for (JsonNode key : line.path(KEYS)) {
                takeAsked(key.asText(), line.path(ASKED).path(keys.size()).asDouble());
                keys.add(key.asText());
            }
            Instant begun = Instant.ofEpochMilli(line.path(BEGUN).asLong());
            batches.put(name, new Batch(name, begun, List.copyOf(keys), Optional.empty()));
        } else if (line.has(ID)) {
            batches.computeIfPresent(
                    name, (key, batch) -> batch.withId(line.path(ID).asText()));
        } else {
            Batch batch = batches.remove(name);
            if (batch != null) {
                batch.keys().stream().filter(open::containsKey).forEach(key -> takeEnd(key, 0));
            }
        }
    }

    public synchronized Optional<Reply> reply(String key) {
        return Optional.ofNullable(replies.get(key));
    }

    /** US dollars that these questions have cost, in all calls. */
    synchronized double spent(Collection<String> keys) {
        return keys.stream()
                .distinct()
                .mapToDouble(key -> charges.getOrDefault(key, 0.0))
                .sum();
    }

    /** most: what the attempt that begins may cost. */
    synchronized void asked(String key, double most) {
        add(line(key).put(ASKED, most));
    }

    synchronized void unanswered(String key, double charged) {
        add(line(key).put(CHARGED, charged));
    }

    synchronized void answered(String key, double charged, Reply reply) {
        add(line(key).put(CHARGED, charged).set(REPLY, reply.toJson()));
    }

    /** The most that a question may cost whose end is not known; empty where none is out. */
    synchronized Optional<Double> out(String key) {
        return Optional.ofNullable(open.get(key));
    }

    /** Those that have not ended and have one of these questions, the oldest first. */
    synchronized List<Batch> batchesWith(Collection<String> keys) {
        Set<String> wanted = Set.copyOf(keys);
        return batches.values().stream()
                .filter(batch -> batch.keys().stream().anyMatch(wanted::contains))
                .toList();
    }

    /** most: what its questions may cost, by their keys, in the batch's order. */
    synchronized void batchBegun(Batch batch, Map<String, Double> most) {
        ObjectNode line = batchLine(batch.name()).put(BEGUN, batch.begun().toEpochMilli());
        ArrayNode keys = line.putArray(KEYS);
        ArrayNode asked = line.putArray(ASKED);
        for (String key : batch.keys()) {
            keys.add(key);
            asked.add(Objects.requireNonNull(most.get(key)));
        }
        add(line);
        force();
    }

    synchronized void batchCreated(String name, String id) {
        add(batchLine(name).put(ID, id));
        force();
    }

    /** Its questions whose end was not told were not charged. */
    synchronized void batchEnded(String name) {
        add(batchLine(name).put(ENDED, true));
    }

    Path file() {
        return file;
    }

    private static ObjectNode batchLine(String name) {
        return JSON.createObjectNode().put(BATCH, name);
    }

    /** Survives the machine's end too: a batch is worth more than a question. */
    private void force() {
        try {
            channel.force(false);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private static ObjectNode line(String key) {
        return JSON.createObjectNode().put(KEY, key);
    }

    /** One write a line, which a kill does not cut between. */
    private void add(JsonNode line) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw failed(file, e);
        }
        take(line);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw failed(file, e);
        } finally {
            lock.close();
        }
    }

    private static MmpoException failed(Path file, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s, where a judge's replies are kept, cannot be used: %s. Make room, or choose another --cache.",
                file,
                IoProblem.of(e));
    }
}
