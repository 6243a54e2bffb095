package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.InPersian;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class JinjaTemplateTest {
    /** Templates and what Jinja2 3.1 renders them to, in transformers' environment, with {@link #variables}. */
    private static final String[][] AS_JINJA2 = new String[][] {
        {"{{ 'a' ~ 1 ~ true ~ none }}", "a1TrueNone"},
        {"{{ not s is defined }}|{{ not 'A' in s }}|{{ 'A' not in s }}|{{ x is not defined }}", "False|False|False|True"
        },
        {
            "{{ l[::-1] }}|{{ l[1:] }}|{{ l[:-1] }}|{{ l[-1] }}|{{ s[1:3] }}|{{ s[::-1] }}",
            "[2, 1, 3]|[1, 2]|[3, 1]|2|Ab| c bA "
        },
        {"{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{{ loop.last }},{% endfor %}", "13False,22True,"},
        {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "b=1;a=x;C=[1, 2];"},
        {"{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "a=x;b=1;C=[1, 2];"},
        {
            "{{ d|tojson }}|{{ d|tojson(indent=2) }}|{{ l|tojson }}|{{ q|tojson }}|{{ 'é<&>'|tojson }}",
            "{\"b\": 1, \"a\": \"x\", \"C\": [1, 2]}|{\n  \"b\": 1,\n  \"a\": \"x\",\n  \"C\": [\n    1,\n    2\n  ]\n}|[3, 1, 2]|\"it's\"|\"é<&>\""
        },
        {
            "{% set ns = namespace(a=1, b='x') %}{% for m in messages %}{% set ns.a = ns.a + 1 %}{% endfor %}{{ ns.a }}{{ ns.b }}",
            "4x"
        },
        {"{% for i in l %}{% if i == 1 %}{% set y = 5 %}{% endif %}{{ y is defined }}{% endfor %}", "FalseTrueFalse"},
        {"  {% if t %}  \n a \n  {% endif %}\n b", "  \n a \n b"},
        {"a {% if t %} b {% endif %} c\n{%- if t -%}\n x \n{%- endif %}\n", "a  b  cx"},
        {"{# c #}\nx{#- c -#} \n y", "xy"},
        {"{% raw %}{{ x }}{% endraw %}z", "{{ x }}z"},
        {"{{ {'a': {'b': 1}} }}{{ {'a': 1}['a'] }}", "{'a': {'b': 1}}1"},
        {
            "{% macro m(a, b=2) %}[{{ a }},{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, b=3) }}{{ m(b=4, a=5) }}",
            "[1,2][1,3][5,4]"
        },
        {"{{ 'a' if t else 'b' }}{{ 'a' if n }}{{ ('a' if not t else 'b') + 'c' }}", "abc"},
        {"{{ t and 'x' }}|{{ n or 'y' }}|{{ e or n or 'z' }}|{{ t and not n }}", "x|y|z|True"},
        {"{{ 1 == 1.0 }}{{ '1' == 1 }}{{ true == 1 }}{{ 'true' == true }}{{ none == n }}", "TrueFalseTrueFalseTrue"},
        {
            "{{ i // 2 }} {{ i % 2 }} {{ i / 2 }} {{ i * 2 }} {{ i ** 2 }} {{ -i }} {{ f + 1 }} {{ i + 1 }}",
            "3 1 3.5 14 49 -7 3.5 8"
        },
        {
            "{{ s.strip() }}|{{ s.lstrip() }}|{{ s.split() }}|{{ s.upper() }}|{{ s.replace('A','z') }}|{{ 'a,b,c'.split(',')[-1] }}|{{ 'a,b,c'.split(',', 1) }}|{{ 'x'.join(['a','b']) }}",
            "Ab c|Ab c |['Ab', 'c']| AB C | zb c |c|['a', 'b,c']|axb"
        },
        {
            "{{ s|trim|length }}|{{ l|length }}|{{ d|length }}|{{ l|first }}|{{ l|last }}|{{ l|join('-') }}|{{ l|sort }}|{{ l|sum }}|{{ l|max }}",
            "4|3|3|3|2|3-1-2|[1, 2, 3]|6|3"
        },
        {
            "{{ messages|selectattr('role','equalto','user')|list|length }}|{{ messages|map(attribute='role')|join(',') }}|{{ messages|rejectattr('role','==','user')|map(attribute='role')|list }}",
            "1|system,user,assistant|['system', 'assistant']"
        },
        {
            "{{ n|default('d') }}|{{ zz|default('d') }}|{{ e|default('d', true) }}|{{ zz|default(false) }}|{{ d.zz|default([]) }}",
            "None|d|d|False|[]"
        },
        {
            "{{ 'a\\nb\\t\\u00e9\\x41\\\\' }}|{{ \"it's\" }}|{{ 'say \"x\"' }}|{{ 'don\\'t' }}",
            "a\nb\téA\\|it's|say \"x\"|don't"
        },
        {
            "{{ t is boolean }}{{ i is number }}{{ s is string }}{{ d is mapping }}{{ l is iterable }}{{ l is sequence }}{{ s is iterable }}{{ n is none }}{{ t is true }}{{ t is false }}{{ i is odd }}{{ i is divisibleby 7 }}{{ f is float }}{{ i is integer }}",
            "TrueTrueTrueTrueTrueTrueTrueTrueTrueFalseTrueTrueTrueTrue"
        },
        {
            "{% if 'false' %}yes{% endif %}{% if '0' %}yes{% endif %}{% if [] %}no{% endif %}{% if {} %}no{% endif %}{% if 0 %}no{% endif %}",
            "yesyes"
        },
        {
            "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}|{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
            "32|3"
        },
        {
            "{% for x in l %}{{ loop.index0 }}{{ loop.first }}{{ loop.revindex }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
            "0True331;1False2332;2False131;"
        },
        {"{% for x in [] %}a{% else %}b{% endfor %}", "b"},
        {"{% set x %}block {{ i }}{% endset %}[{{ x }}]", "[block 7]"},
        {"{{ t }}{{ n }}{{ zz }}{{ l }}{{ d }}{{ f }}{{ i }}", "TrueNone[3, 1, 2]{'b': 1, 'a': 'x', 'C': [1, 2]}2.57"},
        {
            "{% for x in l %}{% for y in l %}{{ loop.index }}{{ x }}{% endfor %}{{ loop.index }}{% endfor %}",
            "132333111213121222323"
        },
        {"{{ range(3)|list }}{{ range(1,7,2)|list }}", "[0, 1, 2][1, 3, 5]"},
        {"{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ 'abc'[1:] }}{{ 'abc'[:2] }}{{ 'abc'[5:] }}", "acbcab"},
        {"{{ s is defined and s is not none and (t or n) }}", "True"},
        {"{{ 'A' in s and 'q' not in s }}", "True"},
        {"{% if i > 5 and i < 10 and not (i == 8) %}y{% elif t %}n{% else %}z{% endif %}", "y"},
        {
            "{{ d.get('b') }}{{ d.get('zz', 'dd') }}{{ d['b'] }}{{ d.keys()|list }}{{ 'b' in d }}",
            "1dd1['b', 'a', 'C']True"
        },
        {
            "{{ messages[0].zz is defined }}{{ messages[0]['role'] == 'system' }}{{ messages[1:]|length }}{{ messages[-1].content }}",
            "FalseTrue2\n Rayleigh.\n"
        },
        {"{{- 'a' -}}  \n  {{ 'b' }}", "ab"},
        {"{% generation %}x{% endgeneration %}", "x"},
        {"{{ s|indent(2) }}{{ 'a\nb\n\nc'|indent(2) }}|{{ 'a\nb'|indent(2, true) }}", " Ab c a\n  b\n\n  c|  a\n  b"},
        {"{{ [1, 2.5]|sum }}{{ [1, 2]|sum }}{{ '3.7'|int }}{{ 'x'|int }}", "3.5330"},
        {
            "{{ 'ab cd'|title }}{{ 'aB'|capitalize }}{{ 'a'|upper }}{{ 'A'|lower }}{{ '5'|int + 1 }}{{ 5|string + 'x' }}",
            "Ab CdAbAa65x"
        },
        {"{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"},
        {"{{ i if i is defined else 0 }}{{ 1 if n is none else 2 }}", "71"},
        {"{{ 'x' * 3 }}", "xxx"},
        {
            "{{ l|map('string')|join('+') }}{{ l|reverse|list }}{{ l|select('odd')|list }}{{ l|reject('equalto', 1)|list }}",
            "3+1+2[2, 1, 3][3, 1][3, 2]"
        },
        {"{{ 1 < 2 }}{{ 'a' < 'b' }}{{ 2 >= 2 }}", "TrueTrueTrue"},
        {"{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}", "2"},
        {"{% set x = 1 %}{% for i in l %}{% set x = 2 %}{% endfor %}{{ x }}", "1"},
        {"{{ messages | length > 2 }}{{ messages | length - 1 }}{{ loop is defined }}", "True2False"},
        {
            "{%- for m in messages -%}\n  {{- m.role + ':' -}}\n  {%- if loop.last %} L{% endif -%}\n{%- endfor -%}\n",
            "system:user:assistant: L"
        },
        {"line1\n    {%- if t %}\n    in\n    {%- endif %}\nline2\n", "line1    inline2"},
        {"{{ 'a' is in ['a'] }}{{ 3 is in l }}", "TrueTrue"},
        {"{{ ['a','b'] + ['c'] }}{{ 'x' in ['x', 1] }}{{ 1 in ['x', 1] }}", "['a', 'b', 'c']TrueTrue"},
        {"{{ m }}{% set m %}{% endset %}", ""}
    };

    private static Map<String, Object> variables() {
        Map<String, Object> mapping = new LinkedHashMap<>();
        mapping.put("b", 1L);
        mapping.put("a", "x");
        mapping.put("C", List.of(1L, 2L));
        Map<String, Object> variables = new HashMap<>();
        variables.put(
                "messages",
                List.of(
                        Map.of("role", "system", "content", "Be  brief. "),
                        Map.of("role", "user", "content", " Why 'is' the \"sky\" blue? "),
                        Map.of("role", "assistant", "content", "\n Rayleigh.\n")));
        variables.put("d", mapping);
        variables.put("l", List.of(3L, 1L, 2L));
        variables.put("s", " Ab c ");
        variables.put("n", null);
        variables.put("t", true);
        variables.put("i", 7L);
        variables.put("f", 2.5);
        variables.put("e", "");
        variables.put("q", "it's");
        return variables;
    }

    private static String render(String template) {
        return JinjaTemplate.compile(template).render(variables(), 5_000);
    }

    static Stream<Arguments> asJinja2() {
        return Arrays.stream(AS_JINJA2).map(pair -> Arguments.of(pair[0], pair[1]));
    }

    @ParameterizedTest
    @MethodSource
    void asJinja2(String template, String expected) {
        assertThat(render(template)).isEqualTo(expected);
    }

    /** Python's digits do not depend on the country that a program runs in. */
    @Test
    void numbersAndDatesAreTheSameInEveryCountry() {
        ZonedDateTime time = ZonedDateTime.of(2025, 3, 9, 4, 5, 6, 0, ZoneOffset.UTC);
        assertThat(InPersian.get(() -> render("{{ 1e30 }} {{ '%.1e' % 1234.5 }} {{ '%d' % 12 }}")))
                .isEqualTo("1e+30 1.2e+03 12");
        assertThat(InPersian.get(() -> PythonDates.format(time, "%d %b %Y|%e|%k|%l|%C|%U|%W|%V|%c")))
                .isEqualTo("09 Mar 2025| 9| 4| 4|20|10|09|10|Sun Mar  9 04:05:06 2025");
    }

    /** Jinja2 raises an error for each of these. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 'x' + n }}",
                "{{ d.zz.yy }}",
                "{{ 'x' + zz }}",
                "{{ nothing() }}",
                "{{ s|nothing }}",
                "{{ s is nothing }}",
                "{% nothing %}",
                "{% if t %}",
                "{% endif %}",
                "{{ 'x }}",
                "{{ t",
                "{% raw %}",
                "{{ 1 + }}",
                "{{ 'a' < 1 }}",
                "{% for x in n %}{% endfor %}",
                "{{ range(1000000) }}"
            })
    void isAnErrorAsInJinja2(String template) {
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
    }

    @Test
    void textOfAMessageIsNoTemplate() {
        Map<String, Object> variables = Map.of("content", "{{ 1 + 1 }}{% if true %}{# c #}\\n'\"");
        assertThat(JinjaTemplate.compile("{{ content }}").render(variables))
                .isEqualTo("{{ 1 + 1 }}{% if true %}{# c #}\\n'\"");
    }

    @Test
    void nothingOfOneRenderingIsLeftForTheNext() {
        JinjaTemplate template = JinjaTemplate.compile(
                "{{ x is defined }}{{ m is defined }}{% set x = 1 %}{% macro m() %}{% endmacro %}");
        assertThat(template.render(Map.of()))
                .isEqualTo(template.render(Map.of()))
                .isEqualTo("FalseFalse");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% include '/etc/passwd' %}",
                "{% import '/etc/passwd' as x %}",
                "{% from '/etc/passwd' import x %}",
                "{% extends '/etc/passwd' %}",
                "{% set x = ''.getClass() %}",
                "{{ ''.getClass().forName('java.lang.Runtime') }}",
                "{{ messages.getClass() }}",
                "{{ messages.stream() }}",
                "{{ d.put('a', 1) }}",
                "{{ ''.__class__.__mro__ }}",
                "{{ d.class.name }}",
                "{{ raise_exception.class.classLoader }}",
                "{{ ____int3rpr3t3r____.config.objectMapper.x }}",
                "{{ ____int3rpr3t3r____.getContext() }}",
                "{{ ____int3rpr3t3r____|tojson }}",
                "{{ '{{ 1 }}'|render }}",
                "{{ '1'|fromjson }}",
                "{{ loop.getClass() }}",
                "{% for x in l %}{{ loop.remove() }}{% endfor %}"
            })
    void sandboxKeepsFilesAndJavaOut(String template) {
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
                "{% for i in range(100000) %}{% for j in range(100000) %}{{ i }}{% endfor %}{% endfor %}",
                "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}",
                "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
                "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = ns.x.replace('x', 'xxxxxxxx') %}{% endfor %}",
                "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = ns.x|replace('x', 'xxxxxxxx') %}{% endfor %}",
                "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x]|join %}{% endfor %}",
                "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = ns.x + ['y' * 1000000] %}{% endfor %}",
                "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x, ('y' * 1000000).upper()] %}{% endfor %}",
                "{% set a = 'a' * 20000000 %}{% set b = 'a' * 10000000 + 'b' %}{{ b in a }}{{ a.find(b) }}{{ a.split(b) }}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"
            })
    void limitsStopIt(String template) {
        assertThatThrownBy(() -> JinjaTemplate.compile(template).render(variables(), 1_000))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void nestingIsBounded() {
        assertThatThrownBy(() -> render("{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}"))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{{ " + "not ".repeat(5_000) + "1 }}")).isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{{ " + "-".repeat(100_000) + "1 }}")).isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{% if t %}".repeat(20_000) + "{% endif %}".repeat(20_000)))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("x".repeat(2_000_000)))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("over the limit");
    }

    /** Within a macro, transformers says where the macro's text will begin. */
    @Test
    void marksSayWhatTheAssistantWrote() {
        JinjaTemplate template = JinjaTemplate.compile(
                "{% macro m(x) %}[{% generation %}{{ x }}{% endgeneration %}]{% endmacro %}a{% generation %}bc{% endgeneration %}d{{ m('ef') }}");
        assertThat(template.marksGeneration()).isTrue();
        MarkedText text = template.renderMarked(Map.of());
        assertThat(text.text()).isEqualTo("abcd[ef]");
        assertThat(text.marks()).containsExactly(new MarkedText.Range(1, 3), new MarkedText.Range(4, 6));
        assertThat(JinjaTemplate.compile("plain").marksGeneration()).isFalse();
    }
}
