package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.config.LoraOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.model.AdapterConfig;
import io.mmpo.model.ModelSource;
import io.mmpo.model.PretrainedModel;
import io.mmpo.model.WeightFiles;
import io.mmpo.nativelib.ChosenDevice;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.WeightType;
import java.util.List;
import java.util.Locale;

/** The model that a configuration trains: whole, with a new adapter, or with the adapter that model_name_or_path is. */
final class PolicyModel {
    private PolicyModel() {}

    static PretrainedModel load(ModelSource source, TrainingConfig config, ProgressListener listener) {
        LoraOptions lora = config.model().lora();
        if (source.adapter().isPresent() && !lora.enabled()) {
            throw MmpoException.configuration(
                    "model_name_or_path %s is an adapter, and use_peft is false; set use_peft: true to go on training the adapter, or train"
                            + " a merged model (mmpo merge)",
                    config.model().model());
        }
        ChosenDevice chosen = ChosenDevice.of(config.model().device());
        ComputeType type = config.model().computeType();
        long seed = config.run().seed();
        PretrainedModel model = lora.enabled()
                ? PretrainedModel.loadFrozen(source, type, chosen.device(), seed)
                : PretrainedModel.load(source, type, chosen.device(), seed);
        try {
            model.notes().forEach(listener::message);
            listener.message("%s; precision: %s; attention: %s"
                    .formatted(
                            chosen.reason(),
                            precision(config, chosen),
                            model.core().attention()));
            if (lora.enabled()) {
                model.adapter()
                        .ifPresentOrElse(
                                adapter -> requireTrainable(lora, adapter, model),
                                () -> addTo(model, config, listener));
            }
            describe(model, listener);
            return model;
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    /** Master weights begin as the source's files have them, not as they are computed with: a float32 file has more. */
    static void loadMasters(PretrainedModel model, NativeTrainer trainer, TrainingConfig config) {
        boolean hasMasters = config.model().bf16() && config.model().trainedType() == WeightType.FLOAT32;
        if (hasMasters && model.adapter().isEmpty()) {
            try (WeightFiles source = model.openSource()) {
                // Those of a bfloat16 file are there already.
                boolean hasMore = source.tensors().stream()
                        .anyMatch(tensor -> !tensor.dtype().equals("BF16"));
                if (hasMore) {
                    trainer.load(source.tensors());
                }
            }
        }
    }

    /** The frozen model of the reference log-probabilities, with or without an adapter of its own. */
    static PretrainedModel loadReference(ModelSource source, TrainingConfig config) {
        Device device = ChosenDevice.of(config.model().device()).device();
        return PretrainedModel.loadFrozen(source, config.model().computeType(), device);
    }

    private static void addTo(PretrainedModel model, TrainingConfig config, ProgressListener listener) {
        LoraOptions lora = config.model().lora();
        ModelShape shape = model.config().shape();
        lora.unmatched(shape)
                .forEach(name -> listener.message("lora_target_modules: no module of this model is named " + name
                        + "; it is left out, as PEFT does"));
        model.addAdapter(lora.adapter(), lora.settings(shape, config.run().seed()));
    }

    private static void describe(PretrainedModel model, ProgressListener listener) {
        long trained = model.numTrainableParameters();
        String share = String.format(
                Locale.ROOT,
                "trainable parameters: %,d of %,d (%.2f%%)",
                trained,
                model.numParameters(),
                100.0 * trained / model.numParameters());
        listener.message(model.adapter()
                .map(adapter -> "%s; LoRA: r %s, alpha %s, dropout %s, on %s"
                                .formatted(
                                        share,
                                        adapter.rank(),
                                        adapter.alpha(),
                                        adapter.dropout(),
                                        adapter.targets().targets())
                        + whole(adapter))
                .orElse(share));
    }

    private static String whole(AdapterConfig adapter) {
        return adapter.modulesToSave().isEmpty() ? "" : ", and whole: " + String.join(", ", adapter.modulesToSave());
    }

    private static void requireTrainable(LoraOptions lora, AdapterConfig adapter, PretrainedModel model) {
        requireSame(lora, adapter);
        List<String> frozen = adapter.frozenModules(model.config().shape());
        if (!frozen.isEmpty()) {
            throw MmpoException.configuration(
                    "model_name_or_path is an adapter that trains %s whole (modules_to_save), and of whole modules embed_tokens and lm_head"
                            + " alone can be trained here; merge it (mmpo merge) and begin a new adapter on the merged model",
                    String.join(", ", frozen));
        }
    }

    /** An adapter keeps its own shape: a key that was set to something else would have no effect. */
    private static void requireSame(LoraOptions lora, AdapterConfig adapter) {
        LoraOptions unset = LoraOptions.defaults();
        requireSame("lora_r", lora.rank(), unset.rank(), adapter.rank());
        requireSame("lora_alpha", lora.alpha(), unset.alpha(), adapter.alpha());
        requireSame("lora_dropout", lora.dropout(), unset.dropout(), adapter.dropout());
        requireSame("use_rslora", lora.rsLora(), unset.rsLora(), adapter.rsLora());
        AdapterConfig wanted = lora.adapter();
        requireSame("lora_target_modules", wanted.targets(), unset.adapter().targets(), adapter.targets());
        requireSame("lora_modules_to_save", lora.modulesToSave(), unset.modulesToSave(), adapter.modulesToSave());
        requireSame("ensure_weight_tying", lora.tied(), unset.tied(), adapter.tied());
    }

    private static <T> void requireSame(String key, T value, T unset, T adapters) {
        if (!value.equals(unset) && !value.equals(adapters)) {
            throw MmpoException.configuration(
                    "%s is %s, and the adapter that model_name_or_path names was made with %s; remove the key, since an adapter keeps its"
                            + " own, or begin a new adapter on its model",
                    key, value, adapters);
        }
    }

    private static String precision(TrainingConfig config, ChosenDevice device) {
        return config.model().bf16() ? device.bfloat16(bfloat16(config)) : device.float32("bf16: true");
    }

    private static String bfloat16(TrainingConfig config) {
        if (config.model().computeType().isOverFp8()) {
            return "bfloat16 over float32 sums, and the frozen projections in fp8 (base_precision: fp8), which changes log-probabilities"
                    + " (docs/numerics.md)";
        }
        return config.trainedType() == WeightType.BFLOAT16
                ? "bfloat16 over float32 sums, without float32 master weights (dtype: bfloat16): every update is rounded to bfloat16, as"
                        + " TRL trains then"
                : "bfloat16 over float32 sums";
    }
}
