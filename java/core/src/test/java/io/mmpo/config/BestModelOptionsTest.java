package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** transformers' rules of load_best_model_at_end. */
class BestModelOptionsTest {
    private static BestModelOptions best(Object... keys) {
        Map<String, Object> all = new HashMap<>(Map.of("model_name_or_path", "m", "dataset_name", "d"));
        for (int i = 0; i < keys.length; i += 2) {
            all.put((String) keys[i], keys[i + 1]);
        }
        return TrainingConfig.of(all).run().best();
    }

    @Test
    void theMetricAndItsDirectionHaveDefaults() {
        assertThat(best().metric()).isEmpty();
        Object[] load = {"load_best_model_at_end", true, "eval_strategy", "epoch", "save_strategy", "epoch"};
        assertThat(best(load).metric()).contains("eval_loss");
        assertThat(best(load).isBetter(1, 2)).isTrue();
        BestModelOptions margins = best("metric_for_best_model", "rewards/margins");
        assertThat(margins.metric()).contains("eval_rewards/margins");
        assertThat(margins.isBetter(1, 2)).isFalse();
        assertThat(margins.isBetter(2, 2)).isFalse();
        assertThat(best("metric_for_best_model", "eval_loss", "greater_is_better", true)
                        .isBetter(2, 1))
                .isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "no, no, 500, 10, must both be steps",
        "steps, epoch, 500, 10, eval_strategy (steps) and save_strategy (epoch)",
        "steps, steps, 15, 10, save_steps (15) must be a multiple of eval_steps (10)",
        "steps, steps, 15, 0.1, save_steps (15) must be a multiple of eval_steps (0.1)",
        "steps, steps, 0.25, 0.1, save_steps (0.25) must be a multiple of eval_steps (0.1)",
        "steps, steps, 0.3, 0.1, ''",
        "steps, steps, 20, 10, ''",
        "epoch, epoch, 15, 10, ''"
    })
    void everyCheckpointMustBeEvaluated(String eval, String save, double saveSteps, double evalSteps, String problem) {
        Object[] keys = {
            "load_best_model_at_end",
            true,
            "eval_strategy",
            eval,
            "save_strategy",
            save,
            "save_steps",
            saveSteps,
            "eval_steps",
            evalSteps
        };
        if (problem.isEmpty()) {
            assertThat(best(keys).loadAtEnd()).isTrue();
        } else {
            assertThatThrownBy(() -> best(keys))
                    .hasMessageStartingWith("load_best_model_at_end needs an evaluation of every checkpoint: ")
                    .hasMessageContaining(problem);
        }
    }

    @Test
    void aMetricThatIsNotThereIsRefusedBeforeTheRun() {
        assertThatThrownBy(() -> best("metric_for_best_model", "accuracy"))
                .hasMessageContaining(
                        "metric_for_best_model must be a metric of an evaluation, got 'accuracy'; there are loss, ");
        assertThatThrownBy(() -> best("metric_for_best_model", "rewards/margins", "loss_type", "sft"))
                .hasMessageContaining("got 'rewards/margins'");
    }
}
