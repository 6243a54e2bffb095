package io.mmpo.config;

import io.mmpo.spec.DeviceChoice;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The model that is trained and how it is computed. model: a directory, or owner/name[@revision] of a hub, as referenceModel is.
 * revision: of the model on a hub, where its name says none. referenceModel: the frozen model of the reference
 * log-probabilities, the initial weights where absent. bf16: weights and activations in bfloat16 while computing. trainedType: of
 * the weights that are updated, float32 master weights or the bfloat16 ones themselves; an adapter's are float32 in any case. recompute: what backward computes again to save memory. lora:
 * whether an adapter is trained in place of the weights. device: where it is computed.
 */
public record ModelOptions(
        Path model,
        Optional<String> revision,
        Optional<Path> referenceModel,
        Optional<Path> chatTemplate,
        DeviceChoice device,
        boolean bf16,
        WeightType trainedType,
        Recompute recompute,
        LoraOptions lora) {
    public ModelOptions {
        Problems problems = new Problems();
        problems.requireNotEmpty("model_name_or_path", model);
        problems.requireNotEmpty("ref_model_name_or_path", referenceModel);
        problems.requireNotEmpty("chat_template_path", chatTemplate);
        problems.require(
                trainedType == WeightType.FLOAT32 || trainedType == WeightType.BFLOAT16 && bf16,
                "dtype",
                "must be float32 or bfloat16, the latter with bf16: true",
                trainedType);
        problems.throwIfAny();
    }
}
