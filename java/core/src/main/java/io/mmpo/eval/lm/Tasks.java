package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The tasks that are there by name, whose YAML lies beside this class, and those of files. */
public final class Tasks {
    /** Those whose mean accuracy the MMPO paper reports. */
    public static final List<String> OF_THE_PAPER = List.of(
            "winogrande",
            "arc_easy",
            "piqa",
            "hellaswag",
            "openbookqa",
            "arc_challenge",
            "mmlu",
            "mathqa",
            "race",
            "commonsense_qa");

    /** RACE as the harness had it from 0.4.3 to 0.4.11. */
    private static final String RACE_LEGACY = "race_legacy";

    private Tasks() {}

    public static List<String> names() {
        List<String> names = new ArrayList<>(OF_THE_PAPER);
        names.add(RACE_LEGACY);
        return names;
    }

    /** names: of tasks, {@code all} for the paper's ten, or paths of YAML files. */
    static List<TaskSpec> named(List<String> names) {
        Set<String> wanted = new LinkedHashSet<>();
        names.forEach(name -> wanted.addAll(name.equals("all") ? OF_THE_PAPER : List.of(name)));
        List<TaskSpec> tasks = wanted.stream().map(Tasks::named).toList();
        Set<String> known = new LinkedHashSet<>();
        for (TaskSpec task : tasks) {
            if (!known.add(task.name())) {
                throw MmpoException.configuration(
                        "Two of the tasks have the name %s, by which their results are told apart. Rename one.",
                        task.name());
            }
        }
        return tasks;
    }

    private static TaskSpec named(String name) {
        if (name.endsWith(".yaml") || name.endsWith(".yml")) {
            return TaskFile.read(Path.of(name));
        }
        if (!names().contains(name)) {
            throw MmpoException.configuration(
                    "There is no task %s; there are %s, all for the first ten of them, and those of a file TASK.yaml of your own.",
                    name, String.join(", ", names()));
        }
        String resource = name + ".yaml";
        try (InputStream yaml = Tasks.class.getResourceAsStream(resource)) {
            if (yaml == null) {
                throw new IllegalStateException("the resource " + resource + " is missing");
            }
            return TaskFile.parse(new String(yaml.readAllBytes(), StandardCharsets.UTF_8), resource);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
