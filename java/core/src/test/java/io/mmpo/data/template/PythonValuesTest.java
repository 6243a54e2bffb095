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
        assertThat(PythonNumbers.text(value)).isEqualTo(expected);
    }

    @Test
    void jsonIsWrittenAsPythonWritesIt() {
        List<Object> value = Arrays.asList("é\u0001\"\\/", null, true, 7L, 2.0, Map.of("k", List.of()), Map.of());
        assertThat(PythonJson.dumps(value, false, null, null, false))
                .isEqualTo("[\"é\\u0001\\\"\\\\/\", null, true, 7, 2.0, {\"k\": []}, {}]");
        assertThat(PythonJson.dumps(List.of("é"), true, null, null, false)).isEqualTo("[\"\\u00e9\"]");
        assertThat(PythonJson.dumps(List.of(1L, Map.of("a", 1L)), false, 2L, null, false))
                .isEqualTo("[\n  1,\n  {\n    \"a\": 1\n  }\n]");
        assertThat(PythonJson.dumps(List.of(1L, Map.of("a", 1L)), false, null, List.of(",", ":"), false))
                .isEqualTo("[1,{\"a\":1}]");
    }

    @Test
    void reprPrefersSingleQuotes() {
        assertThat(PythonRepr.of(Arrays.asList("a", "it's", "\n", null, false)))
                .isEqualTo("['a', \"it's\", '\\n', None, False]");
    }

    @Test
    void whatIsNotThereIsUndefinedAndHasNoAttributes() {
        Object missing = Attributes.item(Map.of("a", 1L), "b");
        assertThat(missing).isInstanceOf(Undefined.class);
        assertThat(PythonValues.truth(missing)).isFalse();
        assertThatThrownBy(() -> Attributes.item(missing, "c")).isInstanceOf(TemplateException.class);
        assertThat(Attributes.item(List.of("x", "y"), -1L)).isEqualTo("y");
        assertThat(Attributes.item("ab", 5L)).isInstanceOf(Undefined.class);
    }

    @Test
    void nothingOfJavaIsReached() {
        assertThat(Attributes.item(Runtime.getRuntime(), "class")).isInstanceOf(Undefined.class);
        assertThat(Attributes.get(Runtime.getRuntime(), "exec")).isInstanceOf(Undefined.class);
    }
}
