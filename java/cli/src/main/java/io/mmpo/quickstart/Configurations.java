package io.mmpo.quickstart;

import io.mmpo.files.AtomicFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The configuration files of the three runs, which mmpo train reads too. */
final class Configurations {
    private final WorkDirectory directory;
    private final Scale scale;
    private final long seed;

    Configurations(WorkDirectory directory, Scale scale, long seed) {
        this.directory = directory;
        this.scale = scale;
        this.seed = seed;
    }

    void write() {
        for (Stage stage : Stage.values()) {
            StringBuilder yaml = new StringBuilder();
            of(stage)
                    .forEach((key, value) ->
                            yaml.append(key).append(": ").append(value).append('\n'));
            AtomicFile.write(directory.config(stage), yaml.toString());
        }
    }

    private Map<String, Object> of(Stage stage) {
        Map<String, Object> keys = new LinkedHashMap<>();
        boolean isSft = stage == Stage.SFT;
        keys.put("model_name_or_path", quoted(isSft ? directory.model() : directory.trained(Stage.SFT)));
        keys.put("dataset_name", quoted(isSft ? directory.sftData() : directory.pairData()));
        keys.put("dataset_test_split", "validation");
        keys.put("output_dir", quoted(directory.run(stage)));
        keys.put("loss_type", stage.loss());
        switch (stage) {
            case SFT -> keys.put("learning_rate", 3e-3);
            case MMPO -> {
                keys.put("learning_rate", 5e-4);
                keys.put("beta", 0.01);
                keys.put("mmpo_reward_epsilon", 0.9);
                keys.put("mmpo_aux_weight", 1);
            }
            case DPO -> {
                keys.put("learning_rate", 5e-5);
                keys.put("beta", 0.1);
            }
        }
        keys.put("lr_scheduler_type", "cosine");
        keys.put("warmup_ratio", 0.1);
        keys.put("num_train_epochs", isSft ? scale.sftEpochs() : scale.preferenceEpochs());
        keys.put("per_device_train_batch_size", 16);
        keys.put("per_device_eval_batch_size", 16);
        keys.put("logging_steps", 0.125);
        keys.put("eval_strategy", "epoch");
        keys.put("save_strategy", "no");
        keys.put("bf16", false);
        keys.put("gradient_checkpointing", false);
        keys.put("seed", seed);
        keys.put("cache_dir", "no"); // no run with these models comes again
        return keys;
    }

    /** A YAML scalar in single quotes, whatever the path holds. */
    private static String quoted(Path path) {
        return "'" + path.toString().replace("'", "''") + "'";
    }
}
