package io.mmpo.eval.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

class TaskFileTest {
    static final List<String> NAMES = Tasks.names();

    /** The harness's gsm8k, but for its data set's splits. */
    private static final String GSM8K = """
            tag:
              - math_word_problems
            task: gsm8k
            dataset_path: openai/gsm8k
            output_type: generate_until
            doc_to_text: "Question: {{question}}\\nAnswer:"
            doc_to_target: "{{answer}}"
            metric_list:
              - metric: exact_match
                aggregation: mean
                higher_is_better: true
                ignore_case: true
                ignore_punctuation: false
                regexes_to_ignore:
                  - ","
                  - "\\\\$"
                  - "(?s).*#### "
                  - "\\\\.$"
            generation_kwargs:
              until:
                - "Question:"
                - "</s>"
              do_sample: false
              temperature: 0.0
            repeats: 1
            num_fewshot: 5
            filter_list:
              - name: "strict-match"
                filter:
                  - function: "regex"
                    regex_pattern: "#### (\\\\-?[0-9\\\\.\\\\,]+)"
                  - function: "take_first"
              - name: "flexible-extract"
                filter:
                  - function: "regex"
                    group_select: -1
                    regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)"
                  - function: "take_first"
            metadata:
              version: 3.0
            """;

    @Test
    void readsAHarnesssTask() {
        TaskSpec task = TaskFile.parse(GSM8K, "gsm8k.yaml");
        assertThat(task.name()).isEqualTo("gsm8k");
        assertThat(task.dataName()).isEqualTo(Optional.of("gsm8k"));
        assertThat(task.outputType()).isEqualTo(OutputType.GENERATE_UNTIL);
        assertThat(task.numFewshot()).isEqualTo(5);
        assertThat(task.until()).containsExactly("Question:", "</s>");
        assertThat(task.maxGenToks()).isEqualTo(256);
        assertThat(task.metrics())
                .containsExactly(new Metric(
                        Metric.Name.EXACT_MATCH, List.of(",", "\\$", "(?s).*#### ", "\\.$"), true, false, false));
        assertThat(task.filters()).extracting(AnswerFilter::name).containsExactly("strict-match", "flexible-extract");
        assertThat(task.version()).isEqualTo("3.0");
    }

    @ParameterizedTest
    @FieldSource("NAMES")
    void readsEveryTaskThatIsThere(String name) {
        TaskSpec task = Tasks.named(List.of(name)).getFirst();
        assertThat(task.name()).isEqualTo(name);
        assertThat(task.outputType()).isEqualTo(OutputType.MULTIPLE_CHOICE);
        assertThat(task.metrics()).contains(Metric.plain(Metric.Name.ACC));
    }

    @Test
    void allAreThePapersTen() {
        assertThat(Tasks.named(List.of("all", "piqa")))
                .extracting(TaskSpec::name)
                .containsExactlyElementsOf(Tasks.OF_THE_PAPER)
                .hasSize(10);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "metric_list: [{metric: f1}] | f1",
                "process_docs: x | no key process_docs",
                "doc_to_choice: !function utils.choices | !function",
                "doc_to_choice: '{{ a' | doc_to_choice is no template",
                "output_type: loglikelihood_rolling | output_type must be one of",
                "repeats: 3 | repeats must be 1",
                "fewshot_config: {sampler: balanced} | sampler",
                "filter_list: [{name: a, filter: [{function: lower}]}] | no filter lower",
                "num_fewshot: -1 | num_fewshot",
                "task: a b | task must be a name"
            })
    void whatItCannotFollowIsNamed(String line, String words) {
        String yaml = "task: t\noutput_type: generate_until\ndoc_to_text: a\ndoc_to_target: b\n";
        String key = line.substring(0, line.indexOf(':') + 1);
        String others =
                yaml.lines().filter(kept -> !kept.startsWith(key)).reduce("", (text, kept) -> text + kept + "\n");
        assertThatThrownBy(() -> TaskFile.parse(others + line, "t.yaml"))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining("t.yaml")
                .hasMessageContaining(words);
    }
}
