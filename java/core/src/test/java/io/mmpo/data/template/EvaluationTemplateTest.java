package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates of evaluation tasks, in lm-evaluation-harness's environment; expected texts are Jinja2's and re's own. */
class EvaluationTemplateTest {
    private static final Map<String, Object> ROW =
            Map.of("text", "a [title] b [x] c  d", "choices", Map.of("text", List.of("one", "it's")), "n", 3L);

    private static String render(String template) {
        return JinjaTemplate.compile(template, JinjaEnvironment.EVALUATION).render(ROW);
    }

    @Test
    void whiteSpaceStays() {
        assertThat(render("  {% if n %}\nx\n{% endif %}\n")).isEqualTo("  \nx\n\n");
        assertThat(JinjaTemplate.compile("  {% if n %}\nx\n{% endif %}\n").render(ROW))
                .isEqualTo("x\n");
        assertThat(render("{{ n }}\n\n")).isEqualTo("3\n\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ missing }}",
                "{{ choices.missing }}",
                "{{ choices['text'][7] }}",
                "{{ 'a' ~ missing }}",
                "{{ missing | upper }}"
            })
    void whatIsUndefinedIsNotPrinted(String template) {
        assertThatThrownBy(() -> render(template))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("undefined");
        assertThat(JinjaTemplate.compile("<{{ missing }}>").render(ROW)).isEqualTo("<>");
        assertThat(render("{{ missing | default('x') }}")).isEqualTo("x");
    }

    @Test
    void regexFiltersAreRes() {
        assertThat(render(
                        "{{ text | replace(' [title]', '. ') | regex_replace('\\[.*?\\]', '') | replace('  ', ' ') }}"))
                .isEqualTo("a. b c d");
        assertThat(render("{{ 'a1b22' | regex_replace('(\\d)(\\d)?', '<\\\\1>') }}"))
                .isEqualTo("a<1>b<2>");
        assertThat(render("{{ 'aaa' | regex_replace('a', '$', 2) }}")).isEqualTo("$$a");
        assertThat(render("{{ 'a ) 38 , b ) 2,5 , e ) none' | regex_findall('[abcd] \\) .*?, |e \\) .*?$') }}"))
                .isEqualTo("['a ) 38 , ', 'b ) 2,5 , ', 'e ) none']");
        assertThat(render("{{ 'x=1, y=2' | regex_findall('(\\w)=(\\d)') }}")).isEqualTo("[('x', '1'), ('y', '2')]");
    }

    @Test
    void theyAreNotOfChatTemplates() {
        assertThatThrownBy(() -> JinjaTemplate.compile("{{ 'a' | regex_replace('a', 'b') }}"))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("regex_replace");
    }

    /** Each limit is far from the other, so that no machine's speed decides which of the two is met first. */
    @ParameterizedTest
    @CsvSource({"2, longer than 2 ms", "600000, tries too many ways"})
    void aPatternThatTriesVeryManyWaysIsStopped(long maxMillis, String reason) {
        assertThatThrownBy(() -> JinjaTemplate.compile(
                                "{{ ('a' * 40 ~ 'c') | regex_replace('(a+)+\\\\1b', '') }}",
                                JinjaEnvironment.EVALUATION)
                        .render(ROW, maxMillis))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void listsArePrintedAndReadAgain() {
        assertThat(PythonLiteral.parse(render("{{ choices.text }}"))).isEqualTo(List.of("one", "it's"));
        assertThat(PythonLiteral.parse("{'a': (1, -2.5), \"b\\n\": [None, True, 'x' 'y'],}"))
                .isEqualTo(Map.of(
                        "a", new PythonTuple(List.of(1L, -2.5)), "b\n", java.util.Arrays.asList(null, true, "xy")));
        assertThat(PythonLiteral.parse("(3)")).isEqualTo(3L);
        assertThat(PythonLiteral.parse("(3,)")).isEqualTo(new PythonTuple(List.of(3L)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {"[1, 2", "open('x')", "[1] 2", "'a", "__import__", "1 + 1", "[a]"})
    void whatComputesIsNoLiteral(String text) {
        assertThatThrownBy(() -> PythonLiteral.parse(text))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("Python literal");
    }
}
