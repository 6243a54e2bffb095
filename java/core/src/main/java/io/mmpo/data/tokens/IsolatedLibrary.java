package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The tokenizers library in processes of its own ({@link TokenizerProcess}), as many as texts are tokenized at once: where the
 * library breaks down it takes such a process with it, and not this one.
 */
final class IsolatedLibrary implements TokenizerLibrary {
    private static final int MOST_PROCESSES = Math.clamp(Runtime.getRuntime().availableProcessors(), 1, 8);
    private static final int TIMEOUT_SECONDS = 60;

    private final byte[] definition;
    private final Semaphore permits = new Semaphore(MOST_PROCESSES);
    private final Queue<Worker> idle = new ConcurrentLinkedQueue<>();
    private final ScheduledExecutorService watch = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("tokenizer-watch").factory());

    private IsolatedLibrary(String definition) {
        this.definition = definition.getBytes(StandardCharsets.UTF_8);
    }

    static IsolatedLibrary load(String definition) {
        IsolatedLibrary library = new IsolatedLibrary(definition);
        try {
            library.idle.add(library.start());
            return library;
        } catch (RuntimeException e) {
            library.close();
            throw e;
        }
    }

    @Override
    public int[] encode(String text) {
        return ask(worker -> worker.encode(text));
    }

    @Override
    public TokenSpans encodeWithSpans(String text) {
        return ask(worker -> worker.encodeWithSpans(text));
    }

    @Override
    public String decode(int[] ids, boolean skipSpecialTokens) {
        return ask(worker -> worker.decode(ids, skipSpecialTokens));
    }

    private interface Question<T> {
        T put(Worker worker) throws IOException;
    }

    private <T> T ask(Question<T> question) {
        permits.acquireUninterruptibly();
        try {
            Worker worker = idle.poll();
            if (worker == null) {
                worker = start();
            }
            T answer = worker.timed(question);
            idle.add(worker);
            return answer;
        } finally {
            permits.release();
        }
    }

    private Worker start() {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx512m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                classPath(),
                TokenizerProcess.class.getName());
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("RUST_BACKTRACE", "0");
        try {
            Worker worker = new Worker(builder.start());
            worker.timed(started -> started.load(definition));
            return worker;
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "A process for the tokenizers library could not be started: %s. This tokenizer needs one, since it has steps that the "
                            + "library may break down over.",
                    e.getMessage());
        }
    }

    /** Where this library is: its loader's own jars, or the program's class path, with its modules, which need not be modules there. */
    private static String classPath() {
        if (IsolatedLibrary.class.getClassLoader() instanceof URLClassLoader loader) {
            return Arrays.stream(loader.getURLs()).map(URL::getPath).collect(Collectors.joining(File.pathSeparator));
        }
        String modules = System.getProperty("jdk.module.path", "");
        String classes = System.getProperty("java.class.path");
        return modules.isEmpty() ? classes : modules + File.pathSeparator + classes;
    }

    /** Idle processes end; those at work are left to whoever waits for them. */
    @Override
    public void close() {
        for (Worker worker = idle.poll(); worker != null; worker = idle.poll()) {
            worker.process.destroyForcibly();
        }
        watch.shutdown();
    }

    /** One such process, used by one thread at a time. */
    private final class Worker {
        private final Process process;
        private final DataOutputStream questions;
        private final DataInputStream answers;
        private final List<String> complaints = new ArrayList<>();
        private final Thread listener;
        private volatile boolean late;

        Worker(Process process) {
            this.process = process;
            this.questions = new DataOutputStream(new BufferedOutputStream(process.getOutputStream(), 1 << 16));
            this.answers = new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16));
            this.listener = Thread.ofPlatform().daemon().start(this::listen);
        }

        private void listen() {
            try (var errors = process.errorReader(StandardCharsets.UTF_8)) {
                errors.lines().forEach(line -> {
                    if (complaints.size() < 50) {
                        complaints.add(line);
                    }
                });
            } catch (IOException | java.io.UncheckedIOException e) {
                // the process is gone, which whoever waits for it is told
            }
        }

        <T> T timed(Question<T> question) {
            ScheduledFuture<?> alarm = watch.schedule(
                    () -> {
                        late = true;
                        process.destroyForcibly();
                    },
                    TIMEOUT_SECONDS,
                    TimeUnit.SECONDS);
            try {
                return question.put(this);
            } catch (IOException e) {
                process.destroyForcibly();
                throw new TokenizerFault(reason(), e);
            } finally {
                alarm.cancel(false);
            }
        }

        private String reason() {
            if (late) {
                return "it took more than " + TIMEOUT_SECONDS + " s";
            }
            try {
                listener.join(2000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            // Rust says where it panicked on one line, and why on the next.
            for (int i = 0; i + 1 < complaints.size(); i++) {
                if (complaints.get(i).contains("panicked at")) {
                    return complaints.get(i + 1);
                }
            }
            return complaints.isEmpty() ? "it ended without a word" : complaints.getLast();
        }

        Boolean load(byte[] definition) throws IOException {
            TokenizerProcess.write(questions, definition);
            questions.flush();
            TokenizerProcess.requireDone(answers);
            return true;
        }

        int[] encode(String text) throws IOException {
            put(TokenizerProcess.ENCODE, text);
            return TokenizerProcess.readInts(answers);
        }

        TokenSpans encodeWithSpans(String text) throws IOException {
            put(TokenizerProcess.ENCODE_WITH_SPANS, text);
            return new TokenSpans(
                    TokenizerProcess.readInts(answers),
                    TokenizerProcess.readInts(answers),
                    TokenizerProcess.readInts(answers));
        }

        private void put(int question, String text) throws IOException {
            questions.writeByte(question);
            TokenizerProcess.write(questions, text.getBytes(StandardCharsets.UTF_8));
            questions.flush();
            TokenizerProcess.requireDone(answers);
        }

        String decode(int[] ids, boolean skipSpecialTokens) throws IOException {
            questions.writeByte(skipSpecialTokens ? TokenizerProcess.DECODE_PLAIN : TokenizerProcess.DECODE);
            TokenizerProcess.write(questions, ids);
            questions.flush();
            TokenizerProcess.requireDone(answers);
            return new String(TokenizerProcess.readBytes(answers), StandardCharsets.UTF_8);
        }
    }
}
