package io.mmpo.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Directories as runs leave them: of several losses, one that stopped, one whose names are hostile. */
final class ExampleRuns {
    /** Would be seen if any text of a run were taken for markup. */
    static final String HOSTILE = "<img src=x onerror=window.hacked=1>\"'&</title><script>window.hacked=1</script>";

    private static final int STEPS = 40;

    private ExampleRuns() {}

    static List<Path> all(Path parent) throws IOException {
        Path mmpo = finished(parent.resolve("smol-mmpo-0.01"), "mmpo", 0.01);
        evaluations(mmpo, 50, 34);
        Path other = finished(
                parent.resolve("smol-mmpo-0.05-with-a-name-that-is-longer-than-any-label-may-be"), "mmpo", 0.05);
        evaluations(other, 48, 33.7);
        Path dpo = finished(parent.resolve("smol-dpo"), "dpo", 0.1);
        evaluations(dpo, 45, 34.2);
        Path stopped = stopped(parent.resolve("smol-stopped"));
        return List.of(mmpo, other, dpo, stopped, hostile(parent.resolve("smol-<script>alert(1)&'")));
    }

    static Path finished(Path run, String loss, double beta) throws IOException {
        Files.createDirectories(run);
        config(run, loss, beta);
        StringBuilder lines = new StringBuilder();
        for (int step = 2; step <= STEPS; step += 2) {
            lines.append(trainingLine(step, beta)).append('\n');
            if (step % 10 == 0) {
                lines.append(evaluationLine(step, beta)).append('\n');
            }
        }
        lines.append("{\"train_runtime\":12.5,\"train_loss\":1.5,\"epoch\":4.0,\"step\":" + STEPS + "}\n");
        Files.writeString(run.resolve("metrics.jsonl"), lines);
        answers(run, "An answer of " + loss + ".");
        return run;
    }

    /** Killed in the middle of a line, after a loss that was no number. */
    static Path stopped(Path run) throws IOException {
        Files.createDirectories(run);
        config(run, "dpo", 0.2);
        Files.writeString(
                run.resolve("metrics.jsonl"),
                trainingLine(2, 0.2) + "\n" + trainingLine(4, 0.2) + "\n"
                        + trainingLine(6, 0.2).replaceFirst("\"loss\":[^,]+", "\"loss\":\"NaN\"") + "\n"
                        + trainingLine(8, 0.2).replaceFirst("\"loss\":[^,]+", "\"loss\":null") + "\n"
                        + trainingLine(10, 0.2) + "\n" + trainingLine(12, 0.2).substring(0, 40));
        return run;
    }

    static Path hostile(Path run) throws IOException {
        finished(run, "mmpo", 0.3);
        Files.writeString(
                run.resolve("config.yaml"),
                "loss_type: mmpo\nbeta: 0.3\nmax_steps: 40\ndataset_name: '" + HOSTILE.replace("'", "''") + "'\n");
        answers(run, HOSTILE + "\u202e\u0007");
        return run;
    }

    static void config(Path run, String loss, double beta) throws IOException {
        Files.writeString(
                run.resolve("config.yaml"),
                "loss_type: \"%s\"\nbeta: %s\nmax_steps: 40\ndataset_name: \"pairs.jsonl\"\noutput_dir: \"%s\"\n"
                        .formatted(loss, beta, "elsewhere"));
    }

    static String trainingLine(int step, double beta) {
        double part = (double) step / STEPS;
        return format(
                "{'loss':%s,'grad_norm':%s,'learning_rate':%s,'rewards/chosen':1.0,'rewards/rejected':0.5,"
                        + "'rewards/accuracies':%s,'rewards/margins':%s,'logps/chosen':%s,'logps/rejected':%s,'epoch':%s,"
                        + "'step':%d,'step_seconds':0.3,'pairs_per_second':40.0,'tokens_per_second':%s,'data_wait_seconds':0.0,"
                        + "'peak_memory_bytes':%d}",
                3 - 2 * part + beta,
                100 * Math.exp(-6 * part),
                5e-4 * (1 - part),
                0.5 + 0.4 * part,
                part * 10 + 20 * beta,
                -300 + 100 * part,
                -310 - 50 * part * beta,
                4 * part,
                step,
                6000 + 500 * Math.sin(step),
                410738688L + step * 1000L);
    }

    private static String evaluationLine(int step, double beta) {
        double part = (double) step / STEPS;
        return format(
                "{'eval_loss':%s,'eval_rewards/accuracies':%s,'eval_rewards/margins':%s,'eval_logps/chosen':%s,"
                        + "'eval_logps/rejected':%s,'epoch':%s,'step':%d}",
                3.2 - 2 * part + beta,
                0.5 + 0.3 * part,
                part * 8 + 20 * beta,
                -310 + 90 * part,
                -315 - 40 * part * beta,
                4 * part,
                step);
    }

    private static String format(String line, Object... values) {
        return String.format(Locale.ROOT, line, values).replace('\'', '"');
    }

    static void evaluations(Path run, double winRate, double accuracy) throws IOException {
        for (int step = 10; step <= STEPS; step += 10) {
            Path directory = Files.createDirectories(run.resolve("eval/checkpoint-" + step));
            Files.writeString(
                    directory.resolve("score.json"),
                    format(
                            "{'win_rate':%s,'standard_error':1.1,'length_controlled_winrate':%s}",
                            winRate + step / 5.0, winRate + step / 4.0));
            Files.writeString(
                    directory.resolve("results.json"),
                    format(
                            "{'results':{'piqa':{'acc,none':%s,'acc_stderr,none':0.01},'race':{'acc,none':%s}}}",
                            accuracy / 100 - step / 1e4, accuracy / 100 + 0.02));
        }
    }

    private static void answers(Path run, String text) throws IOException {
        String json = com.fasterxml.jackson.databind.json.JsonMapper.builder()
                .build()
                .createObjectNode()
                .put("prompt", "What is a " + HOSTILE + "?")
                .put("text", text)
                .put("finish_reason", "stop")
                .toString();
        Files.writeString(run.resolve("answers.jsonl"), json + "\n");
    }
}
