package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers as Python computes and prints them; the values are CPython's. */
class PythonNumbersTest {
    private static String render(String expression) {
        return JinjaTemplate.compile("{{ " + expression + " }}").render(Map.of(), 5_000);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "9223372036854775807 + 1|9223372036854775808",
                "-9223372036854775807 - 2|-9223372036854775809",
                "4611686018427387904 * 2|9223372036854775808",
                "2 ** 100|1267650600228229401496703205376",
                "(-3) ** 41|-36472996377170786403",
                "-(10 ** 25) // 7|-1428571428571428571428572",
                "-(10 ** 25) % 7|4",
                "10 ** 25 % -7|-4",
                "-7 // 2|-4",
                "-7.5 // 2|-4.0",
                "-7.5 % 2|0.5",
                "7.5 % -2|-0.5",
                "2 ** -1|0.5",
                "10 ** 400 / 10 ** 399|10.0",
                "12345678901234567890123 / 7|1.763668414462081e+21",
                "2 ** 53 + 1 == 2.0 ** 53|False",
                "9007199254740993 > 9007199254740992.0|True",
                "1 == 1.0 == true|True",
                "2.675|round(2)|2.67",
                "1e16|1e+16",
                "5e-324|5e-324",
                "(10 ** 4299)|string|length|4300"
            })
    void areThoseOfPython(String line) {
        int cut = line.lastIndexOf('|');
        assertThat(render(line.substring(0, cut))).isEqualTo(line.substring(cut + 1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"1 / 0", "1 // 0", "1.0 % 0", "0 ** -1", "10 ** 400 / 3", "1e308 ** 2", "10 ** 4300", "1 < 'a'"})
    void areErrorsAsInPython(String expression) {
        assertThatThrownBy(() -> render(expression)).isInstanceOf(TemplateException.class);
    }
}
