package io.mmpo.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PythonRandomTest {
    /** CPython 3.11: r = random.Random(1234); r.sample(range(n), k), one after another. */
    @Test
    void drawsWhatPythonDraws() {
        PythonRandom random = PythonRandom.of(1234);
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

    /** CPython 3.11: r = random.Random(text); [r.choices([False, True])[0] for _ in range(6)], r.sample(range(250), 3). */
    @Test
    void aTextIsASeedToo() {
        assertText("is_switched_outputs2+20", "FTTTTF", 204, 185, 132);
        assertText("is_switched_outputs0", "FTFTTT", 171, 95, 186);
        assertText("is_switched_outputsnaïve 文0", "TFFTFF", 92, 150, 88);
        assertText("is_switched_outputs" + "x".repeat(3000) + "0", "TTTFTF", 111, 91, 24);
    }

    private static void assertText(String seed, String choices, Integer... sample) {
        PythonRandom random = PythonRandom.of(seed);
        String drawn = IntStream.range(0, choices.length())
                .mapToObj(i -> random.choice() ? "T" : "F")
                .collect(Collectors.joining());
        assertThat(drawn).isEqualTo(choices);
        assertThat(random.sample(numbers(250), 3)).containsExactly(sample);
    }

    private static List<Integer> numbers(int count) {
        return IntStream.range(0, count).boxed().toList();
    }
}
