package io.mmpo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Makes a run, lets its model score, and closes it, over and over on several threads. Prints what the process holds after a part of the
 * cycles and after all of them, and ends with an error where a run has given other bits than the same run gives alone.
 */
public final class StressProgram {
    private static final int THREADS = 8;

    private StressProgram() {}

    /** What the operating system says of this process. */
    private record Held(long residentMiB, long descriptors, long threads) {
        static Held now() throws IOException {
            long pages = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
            return new Held(pages / 1024, count("/proc/self/fd"), count("/proc/self/task"));
        }

        private static long count(String directory) throws IOException {
            try (Stream<Path> entries = Files.list(Path.of(directory))) {
                return entries.count();
            }
        }
    }

    /** arguments: the model; cycles of the warm-up; all cycles. */
    public static void main(String[] arguments) throws Exception {
        Path model = Path.of(arguments[0]);
        int warmUp = Integer.parseInt(arguments[1]);
        int all = Integer.parseInt(arguments[2]);
        List<double[]> alone = List.of(scores(model, 0), scores(model, 1));
        try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
            run(threads, model, alone, 0, warmUp);
            System.out.println("warm " + Held.now());
            run(threads, model, alone, warmUp, all);
            System.out.println("end " + Held.now());
        }
    }

    private static void run(ExecutorService threads, Path model, List<double[]> alone, int begin, int end)
            throws Exception {
        List<Future<double[]>> cycles = new ArrayList<>();
        for (int i = begin; i < end; i++) {
            int cycle = i;
            cycles.add(threads.submit(() -> scores(model, cycle)));
        }
        for (int i = begin; i < end; i++) {
            double[] scores = cycles.get(i - begin).get();
            if (!Arrays.equals(scores, alone.get(i % 2))) {
                throw new IllegalStateException("cycle %d: %s, alone %s"
                        .formatted(i, Arrays.toString(scores), Arrays.toString(alone.get(i % 2))));
            }
        }
    }

    /** Of two kinds of runs by turns: all weights with DPO, an adapter with MMPO. */
    private static double[] scores(Path model, int cycle) {
        FineTuning.Builder tuning = FineTuning.of(model)
                .rows(Rows.of(ChattingModel.PAIRS))
                .batchSize(2)
                .epochs(1)
                .learningRate(1e-3)
                .set("bf16", false);
        if (cycle % 2 == 0) {
            tuning.method(Method.dpo());
        } else {
            tuning.lora(4).set("lora_dropout", 0.1);
        }
        try (TrainingReport report = tuning.run()) {
            return report.model()
                    .logProbabilities(
                            List.of(Message.user("Is the cat big?")), List.of("The cat was very big.", "No no no."));
        }
    }
}
