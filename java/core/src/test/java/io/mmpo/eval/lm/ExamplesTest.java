package io.mmpo.eval.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ExamplesTest {
    private static final List<Map<String, Object>> POOL = IntStream.range(0, 250)
            .mapToObj(i -> Map.<String, Object>of("n", (long) i))
            .toList();

    private static List<Object> numbers(List<Map<String, Object>> rows) {
        return rows.stream().map(row -> row.get("n")).toList();
    }

    /** CPython: random.Random(1234).sample(range(250), 3) is [247, 199, 112], and then sample(..., 4) begins with [29, 1, 23]. */
    @Test
    void areDrawnAsTheHarnessDraws() {
        assertThat(numbers(new Examples(POOL, false, 3, false).before(POOL.getFirst())))
                .containsExactly(247L, 199L, 112L);
    }

    /** One more is drawn, and the question itself is left out of them. */
    @Test
    void aRowIsNoExampleToItself() {
        List<Object> drawn = numbers(new Examples(POOL, true, 3, false).before(POOL.get(5)));
        assertThat(drawn).containsExactly(247L, 199L, 112L);
        assertThat(numbers(new Examples(POOL, true, 3, false).before(POOL.get(199))))
                .hasSize(3)
                .startsWith(247L, 112L)
                .doesNotContain(199L);
        assertThat(numbers(new Examples(POOL, true, 3, true).before(POOL.get(1))))
                .containsExactly(0L, 2L, 3L);
    }

    @Test
    void aTaskMayTakeTheFirst() {
        assertThat(numbers(new Examples(POOL, false, 3, true).before(POOL.get(1))))
                .containsExactly(0L, 1L, 2L);
        assertThat(new Examples(POOL, false, 0, true).before(POOL.get(1))).isEmpty();
    }

    @Test
    void thereMustBeEnough() {
        assertThatThrownBy(() -> new Examples(POOL, true, 250, false))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("250 examples");
    }
}
