package io.mmpo.eval.lm;

import io.mmpo.data.template.PythonPattern;
import java.util.List;
import java.util.regex.MatchResult;

/**
 * How an answer is cut out of generated text: by each pattern in turn.
 *
 * @param name in results: "exact_match,strict-match"
 */
record AnswerFilter(String name, List<Extraction> extractions) {
    static final AnswerFilter NONE = new AnswerFilter("none", List.of());

    /**
     * What a pattern finds; of several groups the first that is not empty.
     *
     * @param match which of the pattern's matches is taken, from 0; from -1 on counted from the last
     * @param fallback where it finds nothing
     */
    record Extraction(String pattern, int match, String fallback) {
        String of(String text) {
            List<String> found = PythonPattern.search(
                    pattern, text, matcher -> matcher.results().map(this::found).toList());
            int index = match < 0 ? found.size() + match : match;
            return found.isEmpty() || index < 0 || index >= found.size()
                    ? fallback
                    : found.get(index).strip();
        }

        private String found(MatchResult result) {
            for (int i = 1; i <= result.groupCount(); i++) {
                if (result.group(i) != null && !result.group(i).isEmpty()) {
                    return result.group(i);
                }
            }
            return result.groupCount() == 0 ? result.group() : result.groupCount() == 1 ? "" : fallback;
        }
    }

    String of(String text) {
        String answer = text;
        for (Extraction extraction : extractions) {
            answer = extraction.of(answer);
        }
        return answer;
    }
}
