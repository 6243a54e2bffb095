package io.mmpo.eval.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.mmpo.MmpoException;
import io.mmpo.eval.lm.Response.Score;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VerdictTest {
    private static Question question(Object target, List<String> choices, Integer... right) {
        return new Question(0, JsonNodeFactory.instance.objectNode(), target, choices, List.of(right), List.of());
    }

    private static TaskSpec task(String yaml) {
        return TaskFile.parse("task: t\ndoc_to_text: a\ndoc_to_target: b\n" + yaml, "t.yaml");
    }

    /** The second is likelier as a whole, the first by character: -6/6 = -1 against -5/2. Characters are code points. */
    @Test
    void choicesAreComparedWholeAndByCharacter() {
        TaskSpec task = task("""
                output_type: multiple_choice
                doc_to_choice: ["abcdef", "😀b"]
                metric_list: [{metric: acc}, {metric: acc_norm}, {metric: exact_match}]
                """);
        Question question = question(0L, List.of("abcdef", "😀b"), 0);
        Response response = new Response.Scores(List.of(new Score(-6, true), new Score(-5, false)));
        assertThat(Verdict.of(task, question, response, AnswerFilter.NONE))
                .isEqualTo(Map.of("acc", 0.0, "acc_norm", 1.0, "exact_match", 1.0));
    }

    @Test
    void ofEqualOnesTheFirstIsChosen() {
        TaskSpec task =
                task("output_type: multiple_choice\ndoc_to_choice: [\"a\", \"b\"]\nmetric_list: [{metric: acc}]");
        Response response = new Response.Scores(List.of(new Score(-1, false), new Score(-1, false)));
        assertThat(Verdict.of(task, question(0L, List.of("a", "b"), 0), response, AnswerFilter.NONE))
                .isEqualTo(Map.of("acc", 1.0));
        assertThat(Verdict.of(task, question(1L, List.of("a", "b"), 1), response, AnswerFilter.NONE))
                .isEqualTo(Map.of("acc", 0.0));
    }

    @Test
    void aSingleTextIsRightWhereGreedyDecodingGivesIt() {
        TaskSpec task = task("output_type: loglikelihood");
        Response response = new Response.Scores(List.of(new Score(-2, true)));
        Map<String, Double> verdict = Verdict.of(task, question("x", List.of()), response, AnswerFilter.NONE);
        assertThat(verdict).isEqualTo(Map.of("acc", 1.0, "perplexity", -2.0));
        TaskResult result = TaskResult.of(
                task, 2, 0, Map.of(AnswerFilter.NONE, List.of(verdict, Map.of("acc", 0.0, "perplexity", -4.0))));
        assertThat(result.values().get("perplexity,none").mean()).isEqualTo(Math.exp(3));
        assertThat(result.values().get("acc,none").mean()).isEqualTo(0.5);
        assertThat(result.values().get("acc,none").standardError()).hasValue(Math.sqrt(0.5) / Math.sqrt(2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "He has 5. #### 1,234 | 1234 | 1",
                "#### -7 and then | -7 | 1",
                "the answer is 12 | 12 | 0",
                "#### 3. | #### 3 | 1"
            })
    void answersAreCutOutAndCompared(String text, String target, double expected) {
        TaskSpec task = task("""
                output_type: generate_until
                metric_list:
                  - metric: exact_match
                    ignore_case: true
                    regexes_to_ignore: [",", "(?s).*#### ", "\\\\.$"]
                filter_list:
                  - name: strict
                    filter: [{function: regex, regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"}, {function: take_first}]
                """);
        assertThat(Verdict.of(
                        task,
                        question(target, List.of()),
                        new Response.Text(text),
                        task.filters().getFirst()))
                .isEqualTo(Map.of("exact_match", expected));
    }

    @Test
    void aFilterTakesTheMatchThatItNames() {
        AnswerFilter last = new AnswerFilter(
                "flexible", List.of(new AnswerFilter.Extraction("(-?[$0-9.,]{2,})|(-?[0-9]+)", -1, "[invalid]")));
        assertThat(last.of("3 apples and 14 pears, 5 each")).isEqualTo("5");
        assertThat(last.of("none")).isEqualTo("[invalid]");
    }

    /** Each way to share the text between the eight groups is tried before it is said that there is no exclamation mark. */
    @Test
    void aPatternThatTriesTooManyWaysIsRefused() {
        TaskSpec task = task(
                "output_type: generate_until\nmetric_list: [{metric: exact_match}]\n"
                        + "filter_list: [{name: slow, filter: [{function: regex, regex_pattern: '(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)!'}, {function: take_first}]}]");
        Response response = new Response.Text("a".repeat(80));
        assertThatThrownBy(() -> Verdict.of(
                        task, question("x", List.of()), response, task.filters().getFirst()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(
                        "Task t: an answer cannot be judged: the pattern '(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)!' tries too many ways");
    }
}
