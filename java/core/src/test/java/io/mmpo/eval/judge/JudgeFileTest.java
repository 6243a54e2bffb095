package io.mmpo.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class JudgeFileTest {
    static final Iterable<String> NAMES = JudgeFile.NAMES;

    private static JudgeSpec parse(String text, String baseUrl, String keyVariable) {
        return JudgeFile.parse(text, "j.yaml", Optional.ofNullable(baseUrl), Optional.ofNullable(keyVariable));
    }

    @ParameterizedTest
    @FieldSource("NAMES")
    void readsThoseThatComeWithTheProgram(String name) {
        JudgeSpec judge = JudgeFile.read(name, Optional.empty(), Optional.empty());
        assertThat(judge.name()).isEqualTo(name);
        assertThat(judge.price()).isPresent();
        assertThat(judge.keyVariable())
                .hasValue(judge.wire() == JudgeSpec.Wire.OPENAI ? "OPENAI_API_KEY" : "ANTHROPIC_API_KEY");
    }

    /** A key must not go to a server that it was not named for. */
    @Test
    void anotherServerGetsNoKeyThatWasNotNamed() {
        String judge = "name: j\ninterface: openai\nmodel: m\n";
        assertThat(parse(judge, null, null).keyVariable()).hasValue("OPENAI_API_KEY");
        assertThat(parse(judge, "http://localhost:1/v1/", null).keyVariable()).isEmpty();
        assertThat(parse(judge, "http://localhost:1/v1/", null).baseUrl()).hasToString("http://localhost:1/v1");
        assertThat(parse(judge, "http://localhost:1/v1", "MINE").keyVariable()).hasValue("MINE");
        String other = judge + "base_url: https://other/v1\napi_key_env: OTHER\n";
        assertThat(parse(other, null, null).keyVariable()).hasValue("OTHER");
        assertThat(parse(other, "http://localhost:1", null).keyVariable()).isEmpty();
        assertThat(parse(judge + "base_url: https://other/v1\n", null, null).keyVariable())
                .isEmpty();
    }

    @Test
    void saysWhatIsWrong() {
        assertThatThrownBy(() -> parse("name: j\ninterface: grpc\nmodel: m", null, null))
                .hasMessageContaining("openai or anthropic");
        assertThatThrownBy(() -> parse("name: j\ninterface: openai\nmodel: m\ninput_price: 1", null, null))
                .hasMessageContaining("together");
        assertThatThrownBy(() -> parse("name: j\ninterface: openai\nmodel: m\nmaxtokens: 1", null, null))
                .hasMessageContaining("maxtokens", "max_tokens");
        assertThatThrownBy(() -> parse("name: j/../k\ninterface: openai\nmodel: m", null, null))
                .hasMessageContaining("name");
        assertThatThrownBy(() -> parse("name: j\ninterface: openai\nmodel: m", "ftp://x", null))
                .hasMessageContaining("ftp://x");
    }
}
