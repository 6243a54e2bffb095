package io.mmpo;

import io.mmpo.config.LossOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.spec.Objective;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the core computes of a method. */
final class Objectives {
    private Objectives() {}

    /** With every pair counting as much as another. */
    static Objective of(Method method, boolean hasReference) {
        Map<String, Object> keys = new LinkedHashMap<>(method.keys());
        keys.put("model_name_or_path", "model");
        keys.put("dataset_name", "rows");
        LossOptions loss = TrainingConfig.of(keys).loss();
        if (loss.isSft()) {
            throw MmpoException.configuration(
                    "SFT has no reward of an answer; give the method of pairs to measure with.");
        }
        if (loss.needsReference() != hasReference) {
            throw MmpoException.configuration(
                    hasReference
                            ? "The reward of %s is made without a reference model; leave it out."
                            : "The reward of %s is made from a reference model's log-probabilities too; give the model before it was tuned.",
                    method.keys().get("loss_type"));
        }
        return loss.objective(1, true);
    }
}
