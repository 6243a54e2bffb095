package io.mmpo.eval.lm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PythonRandomTest {
    /** CPython 3.11: r = random.Random(1234); r.sample(range(n), k), one after another. */
    @Test
    void drawsWhatPythonDraws() {
        PythonRandom random = new PythonRandom(1234);
        assertThat(random.sample(numbers(250), 3)).containsExactly(247, 199, 112);
        assertThat(random.sample(numbers(250), 4)).containsExactly(29, 1, 23, 233);
        assertThat(random.sample(numbers(10), 5)).containsExactly(9, 0, 1, 8, 2);
        assertThat(random.sample(numbers(22), 6)).containsExactly(7, 0, 20, 19, 11, 15);
        assertThat(random.sample(numbers(1000), 6)).containsExactly(630, 474, 152, 93, 187, 730);
        assertThat(random.sample(numbers(80), 8)).containsExactly(14, 1, 64, 62, 31, 8, 69, 59);
        for (int i = 0; i < 300; i++) { // past the end of the generator's state, several times
            random.sample(numbers(5000), 5);
        }
        assertThat(random.sample(numbers(5000), 5)).containsExactly(3756, 4809, 1431, 279, 3262);
    }

    private static List<Integer> numbers(int count) {
        return IntStream.range(0, count).boxed().toList();
    }
}
