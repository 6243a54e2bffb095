package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a template does, it ends in bounded time and memory. */
@Timeout(120)
class RenderLimitsTest {
    private static final long MAX_MILLIS = 500;

    /** What one operation may allocate: the budget at two bytes a character, and as much again that is gone at once. */
    private static final long MAX_BYTES = 4 * RenderLimits.MAX_MEMORY;

    private static final Map<String, Object> VARIABLES =
            Map.of("messages", List.of(Map.of("role", "user", "content", "x")), "l", List.of(3L, 1L, 2L));

    /** Small steps that add up, values inside values, and work that no statement divides. */
    private static final List<String> WORK = List.of(
            "{{ [[1] * 1000000] * 1000000 }}",
            "{{ ('ß' * 15000000)|upper|length }}",
            "{{ ('a b' * 10000000)|title|length }}",
            "{% for c in 'a' * 30000000 %}{% endfor %}",
            "{% for i in range(100000) %}{% set x = range(100000)|map('string')|list %}{% endfor %}",
            "{% for i in range(100000) %}{% set x = range(100000)|sort(reverse=true) %}{% endfor %}",
            "{% for i in range(100000) %}{% set x = range(100000)|max %}{% endfor %}",
            "{% for i in range(100000) %}{{ 'x' in range(100000)|list }}{% endfor %}",
            "{% set w = 'a' * 1000000 %}{% set ns = namespace(l=[]) %}{% for i in range(100) %}{% set ns.l = ns.l + [w ~ i] %}{% endfor %}{% for i in range(100000) %}{% set x = ns.l|sort %}{% endfor %}",
            "{% set ns = namespace(x=3) %}{% for i in range(100) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
            "{% set x = 3 ** 90000 %}{% for i in range(100000) %}{% set y = (x * x) // (x + 1) %}{% endfor %}",
            "{% set a = 'a' * 20000000 %}{% set b = 'a' * 10000000 + 'b' %}{{ b in a }}",
            "{% set a = 'a' * 20000000 %}{% set b = 'b' + 'a' * 10000000 %}{{ a.rfind(b) }}",
            "{% set a = 'a' * 20000000 %}{% set b = a ~ '' %}{% for i in range(100000) %}{{ a < b }}{% endfor %}",
            "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}",
            "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
            "{% set ns = namespace(x=(1,)) %}{% for i in range(99) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
            "{% set ns = namespace(x={}) %}{% for i in range(99) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}{{ ns.x|tojson(indent=4) }}",
            "{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns }}",
            "{% set ns = namespace(x=l) %}{% for i in range(100000) %}{% set ns.x = ns.x|map('string') %}{% endfor %}{{ ns.x|list }}",
            "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = '%s%s' % (ns.x, ns.x) %}{% endfor %}",
            "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}",
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(45) }}",
            "{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}",
            "{{ [{}]|map(attribute='a.' * 10000000)|list }}{{ [{}]|sort(attribute='a,' * 10000000) }}",
            "{{ raise_exception('x' * 30000000) }}",
            "{{ {}['y' * 30000000].z }}",
            "{{ ('9' * 33000000)|int }}{{ ('9' * 33000000)|float }}",
            "{{ strftime_now('%c' * 10000000) }}");

    /** Renders what may end in any way but one that is not said in a paragraph; it returns what its thread allocated, in bytes. */
    private static long render(String template, long maxMillis) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = threads.getCurrentThreadAllocatedBytes();
        try {
            JinjaTemplate.compile(template).render(VARIABLES, maxMillis);
        } catch (TemplateException e) {
            assertThat(e.getMessage()).as(template).hasSizeLessThan(1000);
        }
        return threads.getCurrentThreadAllocatedBytes() - allocated;
    }

    /** One operation that asks for far more than there may be. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ ('a ' * 8000000).split() | length }}",
                "{{ messages|tojson(indent=2000000000) }}",
                "{{ messages|tojson(indent='x' * 30000000) }}",
                "{{ l|tojson(separators=('x' * 20000000, 'y')) }}",
                "{{ 'x' * 10 ** 9 }}",
                "{{ [1] * 10 ** 9 }}",
                "{{ 'x'|center(2000000000) }}",
                "{{ 'x'.ljust(10 ** 30) }}",
                "{{ '7'.zfill(2000000000) }}",
                "{{ '%2000000000d' % 1 }}",
                "{{ '%*d' % (2000000000, 1) }}",
                "{{ '%.2000000000f' % 1 }}",
                "{{ '{:>99999999}'.format(1) }}",
                "{{ '{:{}}'.format(1, 99999999) }}",
                "{{ 'a\t'.expandtabs(2000000000) }}",
                "{{ ('\n' * 900000)|indent(1000, blank=true) }}",
                "{{ ('a' * 1000000)|replace('a', 'b' * 1000) }}",
                "{{ ('a' * 1000000).replace('', 'b' * 1000) }}",
                "{{ range(100000)|join('b' * 1000) }}",
                "{{ [1]|batch(2000000000, 'x')|list }}",
                "{{ [1]|slice(2000000000)|list }}",
                "{{ range(100001) }}",
                "{{ ('a' * 30000000)|list }}",
                "{{ 9 ** (9 ** 9) }}",
                "{{ 9 ** 99999 ** 2 }}",
                "{{ 10 ** 4300 }}",
                "{{ ('x' * 30000000)|urlencode }}",
                "{{ ('<' * 10000000)|e }}"
            })
    void anOperationThatGrowsIsRefused(String template) {
        assertThatThrownBy(() -> JinjaTemplate.compile(template).render(VARIABLES, 20_000))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("limit")
                .hasMessageContaining("line 1 of the template");
        assertThat(render(template, MAX_MILLIS)).isLessThan(MAX_BYTES);
    }

    /** The clock is looked at between calls that are long each, not only once in many. */
    @ParameterizedTest
    @ValueSource(strings = {"a.strip(a[0])", "a|wordcount", "a[5]", "a[5:9]", "a.isupper()", "a|length"})
    void longCallsAreTimed(String call) {
        String template = "{% set a = '\uD83D\uDE00' * 10000000 %}{% for i in range(100000) %}{% set x = " + call
                + " %}{% endfor %}";
        long start = System.nanoTime();
        assertThatThrownBy(() -> JinjaTemplate.compile(template).render(VARIABLES, MAX_MILLIS))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("longer than " + MAX_MILLIS + " ms");
        assertThat(System.nanoTime() - start).isLessThan(5_000_000_000L); // a call of it takes a tenth
    }

    /**
     * How much is thrown away in its time depends on the machine; what is held does not: a process whose heap is the budget at two bytes a character renders
     * everything that adds up, and every filter and every method of large values and with large arguments.
     */
    @Test
    void whatAddsUpIsStoppedInBoundedMemory() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx" + 2 * RenderLimits.MAX_MEMORY,
                        "-XX:+ExitOnOutOfMemoryError",
                        "-Dstdout.encoding=UTF-8",
                        "-cp",
                        System.getProperty("java.class.path"),
                        RenderLimitsTest.class.getName())
                .redirectErrorStream(true)
                .start();
        List<String> lines;
        try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
            lines = output.readAllLines();
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(process.exitValue())
                .as("the last template is the one: %s", lines.subList(Math.max(0, lines.size() - 20), lines.size()))
                .isZero();
        assertThat(lines).hasSizeGreaterThan(WORK.size()).last().isEqualTo("all ended");
    }

    /** Renders all of it, each named before it begins. */
    public static void main(String[] arguments) {
        for (String template : WORK) {
            System.out.println(template);
            render(template, MAX_MILLIS);
        }
        String values = "{% set a = 'a b' * 3000000 %}{% set l = [a] * 100000 %}{% set i = 7 ** 30000 %}";
        List<String> operations = new ArrayList<>();
        JinjaFilters.names().forEach(name -> operations.add("|" + name));
        TextMethods.NAMES.stream().sorted().forEach(name -> operations.add("." + name));
        for (String operation : operations) {
            for (String value : operation.startsWith(".") ? List.of("a") : List.of("a", "l", "i")) {
                for (String call : List.of("()", "(100000000)", "(a, a)")) {
                    String expression = value + operation + call;
                    System.out.println(expression);
                    render(values + "{% set x = " + expression + " %}{{ x|string|length }}", 50);
                }
            }
        }
        System.out.println("all ended");
    }
}
