package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.eval.PythonRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Rows with answers that stand before a question: the first ones, or those that the harness draws with its seed. */
final class Examples {
    /** lm-evaluation-harness's fewshot_seed. */
    private static final int SEED = 1234;

    private final List<Map<String, Object>> pool;
    private final boolean holdsTheQuestions;
    private final int count;
    private final boolean takesFirst;
    private final PythonRandom random = PythonRandom.of(SEED);

    /** holdsTheQuestions: the pool are the rows that are asked, and none is an example to itself. */
    Examples(List<Map<String, Object>> pool, boolean holdsTheQuestions, int count, boolean takesFirst) {
        this.pool = pool;
        this.holdsTheQuestions = holdsTheQuestions;
        this.count = count;
        this.takesFirst = takesFirst;
        int needed = count == 0 ? 0 : count + (holdsTheQuestions ? 1 : 0);
        if (pool.size() < needed) {
            throw MmpoException.data(
                    "%d examples are wanted before a question, and there are %d rows to take them from. Ask for fewer with --num-fewshot.",
                    count, pool.size());
        }
    }

    /** To be asked for question after question, as every draw depends on those before it. */
    List<Map<String, Object>> before(Map<String, Object> question) {
        if (count == 0) {
            return List.of();
        }
        if (takesFirst) {
            return firstOthers(pool, question);
        }
        if (!holdsTheQuestions) {
            return random.sample(pool, count);
        }
        List<Map<String, Object>> others = firstOthers(random.sample(pool, count + 1), question);
        return others.size() == count
                ? others
                : random.sample(
                        pool.stream().filter(row -> !row.equals(question)).toList(), count);
    }

    private List<Map<String, Object>> firstOthers(List<Map<String, Object>> rows, Map<String, Object> question) {
        List<Map<String, Object>> others = new ArrayList<>();
        for (Map<String, Object> row : rows) {
            if (others.size() < count && !(holdsTheQuestions && row.equals(question))) {
                others.add(row);
            }
        }
        return others;
    }
}
