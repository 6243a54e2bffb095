package io.mmpo.config;

import io.mmpo.spec.WeightFormat;
import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/** Everything that a training run is told, checked. Keys, defaults and meanings: docs/configuration.md. */
public record TrainingConfig(
        ModelOptions model,
        DataOptions data,
        LossOptions loss,
        OptimizerOptions optimizer,
        ScheduleOptions schedule,
        BatchOptions batches,
        RankOptions ranks,
        RunOptions run) {
    /** settings: a value of every key, checked. */
    TrainingConfig(Settings settings) {
        this(
                new ModelOptions(settings),
                new DataOptions(settings),
                new LossOptions(settings),
                new OptimizerOptions(settings),
                new ScheduleOptions(settings),
                new BatchOptions(settings),
                new RankOptions(settings),
                new RunOptions(settings));
    }

    /** Of what is updated: an adapter's parameters are float32. */
    public WeightType trainedType() {
        return model.lora().enabled() ? WeightType.FLOAT32 : model.trainedType();
    }

    /** How that becomes the weights of a file. */
    public WeightFormat savedFormat() {
        return new WeightFormat(run.savedType().orElse(trainedType()), run.stochasticRounding(), run.seed());
    }

    /** Reads a YAML file; {@code overrides} are {@code key=value} and win over the file. */
    public static TrainingConfig load(Path file, String... overrides) {
        return ConfigLoader.load(file, List.of(overrides)).config();
    }

    /** From keys and values in a program: strings, numbers, booleans and paths. */
    public static TrainingConfig of(Map<String, ?> values) {
        return ConfigLoader.of(values).config();
    }

    /** The same but for the values of some keys. */
    public TrainingConfig with(Map<String, ?> values) {
        Map<String, Object> all = yaml();
        all.putAll(values);
        return of(all);
    }

    /**
     * Where this differs from the configuration in a file that {@link #toYaml} wrote, in what the weights depend on. A run may
     * only go on from a checkpoint where nothing does, unless resume_with_changed_config says that it may.
     */
    public List<ConfigChange> changesSince(Path savedConfig) {
        return ConfigChange.between(savedConfig, this);
    }

    /** Every key with the value that the run uses, as YAML that {@link #load} reads back to an equal configuration. */
    public String toYaml() {
        return YamlFile.write(yaml());
    }

    /** Of the keys that decide what the weights become those that have a value, as {@link #load} reads them. */
    public String decisiveYaml() {
        Map<String, Object> yaml = yaml();
        yaml.entrySet()
                .removeIf(entry -> entry.getValue() == null
                        || Objects.requireNonNull(ConfigKeys.ALL.get(entry.getKey()))
                                .mayChangeOnResuming());
        return YamlFile.write(yaml);
    }

    /** What YAML holds for each key. */
    Map<String, Object> yaml() {
        Map<String, Object> yaml = new LinkedHashMap<>();
        Stream.of(
                        model.values(),
                        data.values(),
                        loss.values(),
                        optimizer.values(),
                        schedule.values(),
                        batches.values(),
                        ranks.values(),
                        run.values())
                .map(Settings::toYaml)
                .forEach(yaml::putAll);
        return yaml;
    }
}
