package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PythonValuesTest {
    /** Python's repr of the same floats. */
    @ParameterizedTest
    @CsvSource({
        "0.1, 0.1",
        "100, 100.0",
        "-0.5, -0.5",
        "0.0001, 0.0001",
        "0.00001, 1e-05",
        "-2.5e-7, -2.5e-07",
        "1e15, 1000000000000000.0",
        "1e16, 1e+16",
        "1.2345678901234568e17, 1.2345678901234568e+17",
        "1.5e300, 1.5e+300",
        "123456.789, 123456.789",
        "0, 0.0"
    })
    void floatsAreWrittenAsPythonWritesThem(double value, String expected) {
        assertThat(PythonValues.number(value)).isEqualTo(expected);
    }

    @Test
    void jsonIsWrittenAsPythonWritesIt() {
        List<Object> value = Arrays.asList("é\u0001\"\\/", null, true, 7L, 2.0, Map.of("k", List.of()), Map.of());
        assertThat(PythonJson.dumps(value, false, -1, null, false))
                .isEqualTo("[\"é\\u0001\\\"\\\\/\", null, true, 7, 2.0, {\"k\": []}, {}]");
        assertThat(PythonJson.dumps(List.of("é"), true, -1, null, false)).isEqualTo("[\"\\u00e9\"]");
        assertThat(PythonJson.dumps(List.of(1L, Map.of("a", 1L)), false, 2, null, false))
                .isEqualTo("[\n  1,\n  {\n    \"a\": 1\n  }\n]");
        assertThat(PythonJson.dumps(List.of(1L, Map.of("a", 1L)), false, -1, List.of(",", ":"), false))
                .isEqualTo("[1,{\"a\":1}]");
    }

    @Test
    void reprPrefersSingleQuotes() {
        assertThat(PythonJson.repr(Arrays.asList("a", "it's", "\n", null, false)))
                .isEqualTo("['a', \"it's\", '\\n', None, False]");
    }

    @Test
    void whatIsNotThereIsUndefinedAndHasNoAttributes() {
        Object missing = PythonValues.item(Map.of("a", 1L), "b");
        assertThat(missing).isSameAs(PythonValues.UNDEFINED);
        assertThat(PythonValues.truth(missing)).isFalse();
        assertThatThrownBy(() -> PythonValues.item(missing, "c")).isInstanceOf(TemplateException.class);
        assertThat(PythonValues.item(List.of("x", "y"), "-1")).isEqualTo("y");
        assertThat(PythonValues.item("ab", "5")).isSameAs(PythonValues.UNDEFINED);
    }

    @Test
    void nothingOfJavaIsReached() {
        assertThat(PythonValues.item(Runtime.getRuntime(), "class")).isSameAs(PythonValues.UNDEFINED);
        assertThatThrownBy(() -> PythonMethods.call(Runtime.getRuntime(), "exec", new Object[] {"true"}))
                .isInstanceOf(TemplateException.class);
    }
}
