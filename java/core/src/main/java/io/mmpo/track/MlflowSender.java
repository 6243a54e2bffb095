package io.mmpo.track;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * Sends calls in their order on a thread of its own, each again and again while the server is away. What goes wrong is told on the
 * caller's thread, with the next call.
 */
final class MlflowSender {
    private static final long FIRST_PAUSE_MILLIS = 500;
    private static final long LONGEST_PAUSE_MILLIS = 30_000;
    private static final long LAST_MILLIS = 15_000;

    /** path: below /api/2.0/mlflow/. */
    record Call(String path, ObjectNode body) {}

    private static final Call END = new Call("", JsonNodeFactory.instance.objectNode());

    private final MlflowClient client;
    private final String server;
    private final Consumer<String> messages;
    private final BlockingQueue<Call> waiting = new LinkedBlockingQueue<>();
    private final Queue<String> problems = new ConcurrentLinkedQueue<>();
    private final Thread thread;

    MlflowSender(MlflowClient client, String server, Consumer<String> messages) {
        this.client = client;
        this.server = server;
        this.messages = messages;
        thread = Thread.ofPlatform().daemon().name("mmpo-mlflow").start(this::sendAll);
    }

    void send(Call call) {
        waiting.add(call);
        tell();
    }

    /** Waits some seconds for all that is left, and says what did not arrive. */
    void sendLast(List<Call> calls) {
        waiting.addAll(calls);
        waiting.add(END);
        try {
            thread.join(LAST_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        boolean isDone = !thread.isAlive();
        thread.interrupt();
        tell();
        if (!isDone) {
            messages.accept("warning: MLflow's server " + server + " did not take the last metrics of the run in time;"
                    + " metrics.jsonl has them all");
        }
    }

    private void tell() {
        for (String problem = problems.poll(); problem != null; problem = problems.poll()) {
            messages.accept(problem);
        }
    }

    private void sendAll() {
        try {
            for (Call call = waiting.take(); call != END; call = waiting.take()) {
                deliver(call);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void deliver(Call call) throws InterruptedException {
        long pause = FIRST_PAUSE_MILLIS;
        while (true) {
            try {
                client.post(call.path(), call.body());
                return;
            } catch (MlflowClient.Refused e) {
                if (!e.isBusy()) {
                    problems.add("warning: MLflow's server " + server + " refused " + call.path() + " ("
                            + e.getMessage() + "); metrics.jsonl has what it was sent");
                    return;
                }
                notice(e, pause);
            } catch (IOException e) {
                notice(e, pause);
            }
            Thread.sleep(pause);
            pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
        }
    }

    /** Once a call. */
    private void notice(IOException e, long pause) {
        if (pause == FIRST_PAUSE_MILLIS) {
            problems.add("warning: MLflow's server " + server + " does not answer ("
                    + Objects.requireNonNullElse(e.getMessage(), e.toString()) + "); metrics wait until it does");
        }
    }
}
