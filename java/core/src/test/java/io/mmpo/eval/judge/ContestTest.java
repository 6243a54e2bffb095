package io.mmpo.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContestTest {
    @TempDir
    Path directory;

    private Path rows(String name, String... lines) throws IOException {
        return Files.writeString(directory.resolve(name), String.join("\n", lines) + "\n");
    }

    private static String row(String instruction, String output, String generator) {
        return "{\"instruction\":\"%s\",\"output\":\"%s\",\"generator\":\"%s\",\"dataset\":\"d\"}"
                .formatted(instruction, output, generator);
    }

    /** random.Random("is_switched_outputs" + instruction + "0"): 2+2 stays, naïve 文 is switched. */
    @Test
    void theOrderIsAlpacaEvals() throws IOException {
        Path outputs = rows("outputs.jsonl", row("naïve 文", "mine1", "me"), row("2+2", "mine0", "me"));
        Path baseline = rows("baseline.jsonl", row("2+2", "base0", "b"), row("naïve 文", "base1", "b"));
        List<Contest> contests = Contest.read(outputs, baseline, 10, 0);
        assertThat(contests).extracting(Contest::switched).containsExactly(false, true);
        assertThat(contests).extracting(Contest::index).containsExactly(0, 1);
        Reply first = new Reply("m", Map.of(), 1, 1);
        assertThat(contests.get(0).preference(first)).isEqualTo(1);
        assertThat(contests.get(1).preference(first)).isEqualTo(2);
        assertThat(contests.get(1).question().user().indexOf("mine1"))
                .isLessThan(contests.get(1).question().user().indexOf("base1"));
    }

    /** An answer that looks like the prompt's own places is only text. */
    @Test
    void theQuestionIsAlpacaEvals() throws IOException {
        Path outputs = rows("outputs.jsonl", row("2+2", "{instruction} $1", "me"));
        Path baseline = rows("baseline.jsonl", row("2+2", "{output_2}", "b"));
        Question question = Contest.read(outputs, baseline, 10, 0).getFirst().question();
        assertThat(question.system())
                .startsWith(
                        "You are a highly efficient assistant, who evaluates and selects the best large language model")
                .endsWith("human-preferred answers.");
        assertThat(question.user())
                .startsWith("I require a leaderboard")
                .contains("    \"instruction\": \"\"\"2+2\"\"\",\n")
                .contains("\"model_identifier\": \"m\",\n        \"output\": \"\"\"{output_2}\"\"\"")
                .contains("\"model_identifier\": \"M\",\n        \"output\": \"\"\"{instruction} $1\"\"\"")
                .endsWith("m or M.\n\n## Best Model Identifier");
    }

    @Test
    void everyAnswerNeedsABaseline() throws IOException {
        Path outputs = rows("outputs.jsonl", row("2+2", "4", "me"), row("2+3", "5", "me"));
        Path baseline = rows("baseline.jsonl", row("2+2", "4", "b"), row("9", "9", "b"));
        assertThatThrownBy(() -> Contest.read(outputs, baseline, 10, 0))
                .hasMessageContaining("outputs.jsonl, line 2")
                .hasMessageContaining("baseline.jsonl");
        Path twice = rows("twice.jsonl", row("2+2", "4", "me"), row("2+2", "5", "me"));
        assertThatThrownBy(() -> Contest.read(twice, baseline, 10, 0)).hasMessageContaining("twice.jsonl, line 2");
    }
}
