package io.mmpo.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Answers of several runs to the same prompt.
 *
 * @param byRun in the order of the runs; empty where one has none to this prompt
 */
record ComparedAnswers(String prompt, List<Optional<String>> byRun) {
    private static final int MOST = 8;

    /** The first prompts, those before others that more runs have answered. */
    static List<ComparedAnswers> of(List<Run> runs) {
        Map<String, List<Optional<String>>> byPrompt = new LinkedHashMap<>();
        for (int i = 0; i < runs.size(); i++) {
            for (SampleAnswer answer : runs.get(i).answers()) {
                List<Optional<String>> answers = byPrompt.computeIfAbsent(
                        answer.prompt(),
                        any -> new ArrayList<>(runs.stream()
                                .map(run -> Optional.<String>empty())
                                .toList()));
                if (answers.get(i).isEmpty()) {
                    answers.set(i, Optional.of(answer.text()));
                }
            }
        }
        return byPrompt.entrySet().stream()
                .map(entry -> new ComparedAnswers(entry.getKey(), List.copyOf(entry.getValue())))
                .sorted((a, b) -> Long.compare(b.count(), a.count()))
                .limit(MOST)
                .toList();
    }

    private long count() {
        return byRun.stream().filter(Optional::isPresent).count();
    }
}
