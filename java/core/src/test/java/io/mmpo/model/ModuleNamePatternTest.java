package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Python 3.11's re.fullmatch says of the same pairs. */
class ModuleNamePatternTest {
    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                ".*\\.self_attn\\.(q_proj|k_proj);model.layers.0.self_attn.q_proj;true",
                ".*\\.self_attn\\.(q_proj|k_proj);model.layers.0.self_attn.q_proj.x;false",
                "(?P<a_b>x)(?P=a_b);xx;true",
                "(?P<a_b>x)(?P=a_b);xy;false",
                "x{,2};xx;true",
                "x{,2};xxx;false",
                "x{a};x{a};true",
                "[[a]b;[b;true",
                "[a&&b];&;true",
                "[]x]+;]x;true",
                "[^]x];];false",
                "(?i)Q_PROJ;q_proj;true",
                "(?#which)q;q;true",
                "(?:a|b)(?=c).;ac;true",
                "a\\Z;a;true",
                "layers\\.(1[0-9]|2)\\..*;layers.12.mlp;true"
            },
            delimiter = ';')
    void matchesAsPythonDoes(String pattern, String text, boolean matches) {
        assertThat(ModuleNamePattern.of(pattern).fullMatch(text)).isEqualTo(matches);
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[a", "a\\", "\\Q", "(?(1)a|b)", "(?P=none)", "*a", "(?<name>a)"})
    void whatCannotBeReadIsSaid(String pattern) {
        assertThatThrownBy(() -> ModuleNamePattern.of(pattern))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("regular expression");
    }

    /** Exponential in the length of the name, were it not stopped. */
    @Test
    void backtrackingEnds() {
        ModuleNamePattern pattern = ModuleNamePattern.of("(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)!");
        assertThatThrownBy(() -> pattern.fullMatch("model.layers.0.self_attn.q_proj.model.layers.0.self_attn.q_proj"))
                .hasMessageContaining("too many steps");
    }
}
