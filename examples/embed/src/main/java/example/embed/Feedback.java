package example.embed;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.Message;
import io.mmpo.Row;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What users have thought of replies: a file of JSON lines that only grows. A line that was acknowledged is on the disk. What a crash
 * has left of a line that was not is cut off when the file is opened again.
 */
final class Feedback implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FileChannel file;
    private final List<Verdict> verdicts = new ArrayList<>();

    /** A reply to a conversation that was accepted, one that was rejected, or both; the other is null. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Verdict(List<Message> messages, String accepted, String rejected) {
        Verdict {
            if (messages == null || messages.isEmpty()) {
                throw new IllegalArgumentException("messages: give the conversation that was replied to");
            }
            if (isEmpty(accepted) && isEmpty(rejected)) {
                throw new IllegalArgumentException(
                        "give the reply that was accepted, the one that was rejected, or both");
            }
        }

        private static boolean isEmpty(String reply) {
            return reply == null || reply.isEmpty();
        }
    }

    private Feedback(FileChannel file) {
        this.file = file;
    }

    /** Opens the file or makes it. One process at a time may have it open. */
    static Feedback open(Path path) throws IOException {
        FileChannel file =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            requireLock(file, path);
            Feedback feedback = new Feedback(file);
            feedback.read(path);
            try (FileChannel directory = FileChannel.open(path.toAbsolutePath().getParent())) {
                directory.force(true); // the file's name is on the disk too
            }
            return feedback;
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static void requireLock(FileChannel file, Path path) throws IOException {
        FileLock lock;
        try {
            lock = file.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            throw new IOException(path + " belongs to another service that runs; give this one a directory of its own");
        }
    }

    private void read(Path path) throws IOException {
        byte[] bytes = Files.readAllBytes(path);
        int begin = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                verdicts.add(parsed(new String(bytes, begin, i - begin, StandardCharsets.UTF_8), path));
                begin = i + 1;
            }
        }
        file.truncate(begin).position(begin);
        file.force(true);
    }

    private Verdict parsed(String line, Path path) throws IOException {
        try {
            return JSON.readValue(line, Verdict.class);
        } catch (IOException e) {
            throw new IOException("%s, line %d: %s".formatted(path, verdicts.size() + 1, e.getMessage()), e);
        }
    }

    /** Returns once the verdict is on the disk. */
    synchronized void add(Verdict verdict) throws IOException {
        long end = file.position();
        try {
            ByteBuffer line =
                    ByteBuffer.wrap((JSON.writeValueAsString(verdict) + "\n").getBytes(StandardCharsets.UTF_8));
            while (line.hasRemaining()) {
                file.write(line);
            }
            file.force(false);
        } catch (IOException e) {
            file.truncate(end).position(end); // half a line would spoil the next one
            throw e;
        }
        verdicts.add(verdict);
    }

    synchronized int size() {
        return verdicts.size();
    }

    /** Of each conversation every accepted and every rejected reply, in as few pairs as have them all. */
    synchronized List<Row.Pair> pairs() {
        Map<List<Message>, List<String>> accepted = new LinkedHashMap<>();
        Map<List<Message>, List<String>> rejected = new LinkedHashMap<>();
        for (Verdict verdict : verdicts) {
            collect(accepted, verdict.messages(), verdict.accepted());
            collect(rejected, verdict.messages(), verdict.rejected());
        }
        List<Row.Pair> pairs = new ArrayList<>();
        accepted.forEach((conversation, better) -> {
            List<String> worse = rejected.getOrDefault(conversation, List.of());
            int most = worse.isEmpty() ? 0 : Math.max(better.size(), worse.size());
            for (int i = 0; i < most; i++) {
                pairs.add(new Row.Pair(conversation, better.get(i % better.size()), worse.get(i % worse.size())));
            }
        });
        return pairs;
    }

    private static void collect(Map<List<Message>, List<String>> replies, List<Message> conversation, String reply) {
        if (!Verdict.isEmpty(reply)) {
            replies.computeIfAbsent(conversation, absent -> new ArrayList<>()).add(reply);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        file.close();
    }
}
