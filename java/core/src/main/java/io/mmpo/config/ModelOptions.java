package io.mmpo.config;

import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.PATH;
import static io.mmpo.config.ValueTypes.TEXT;

import io.mmpo.spec.ComputeType;
import io.mmpo.spec.DeviceChoice;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The model that is trained and how it is computed. */
public record ModelOptions(Settings values) {
    static final Section KEYS = new Section("Model", ModelOptions::check);

    private static final ConfigKey<Path> MODEL = KEYS.key("model_name_or_path", PATH)
            .means(
                    "Model to train: a directory in Hugging Face's layout, or a model of a hub as `owner/name[@revision]` (docs/data.md).");

    private static final ConfigKey<Optional<String>> REVISION = KEYS.key("model_revision", TEXT.optional())
            .means("Branch, tag or commit of a model on a hub; unset: what model_name_or_path says, else `main`.");

    private static final ConfigKey<Optional<Path>> REFERENCE_MODEL = KEYS.key("ref_model_name_or_path", PATH.optional())
            .of(LossType::readsReference)
            .means("Reference model, named as model_name_or_path is; unset: the model as it is before training.");

    private static final ConfigKey<Optional<Path>> CHAT_TEMPLATE = KEYS.key("chat_template_path", PATH.optional())
            .means("File with the chat template; unset: the model's own.");

    private static final ConfigKey<DeviceChoice> DEVICE = KEYS.key("device", ValueType.oneOf(DeviceChoice.class))
            .unset("auto")
            .means(
                    "Where it is computed: `cpu`; `cuda`, one GPU; `auto`, a GPU where one can be used, which the run says.");

    private static final ConfigKey<Boolean> BF16 = KEYS.key("bf16", FLAG)
            .unset("true")
            .means(
                    "Weights and activations in bfloat16 while computing, over float32 master weights; `false`: all in float32.");

    private static final ConfigKey<WeightType> TRAINED_TYPE = KEYS.key(
                    "dtype", ValueType.scalar(ModelOptions::parseTrainedType, WeightType::key))
            .alsoCalled("torch_dtype")
            .unset("float32")
            .means(
                    "Type of the weights that are updated, also called `torch_dtype`. `float32`: master weights; `bfloat16`: none, with bf16,"
                            + " every update is rounded as in TRL (docs/numerics.md). An adapter's own are float32 in any case.");

    private static final ConfigKey<Boolean> OVER_FP8 = KEYS.key("base_precision", ValueType.either("fp8", "none"))
            .unset("none")
            .means(
                    "`fp8`: what LoRA leaves frozen of the layers' products (q, k, v, o, gate, up, down) is held in eight bits, e4m3 with a"
                            + " scale for each row, and multiplied in them, in training and for the reference; on a GPU of compute capability"
                            + " 8.9 or more, or with the same rounding on the CPU (docs/numerics.md says what it changes). `none`: it is as"
                            + " bf16 says.");

    private static final ConfigKey<Recompute> RECOMPUTE = KEYS.key(
                    "gradient_checkpointing", ValueType.scalar(ModelOptions::parseRecompute, ValueType::lowerCase))
            .unset("selective")
            .mayChangeOnResuming()
            .means(
                    "What backward computes again to save memory: `none`; `selective`, normalised inputs and activations, which are cheap;"
                            + " `full`, whole layers. `true` is selective, `false` none.");

    public ModelOptions {
        values = values.of(KEYS, LoraOptions.KEYS);
    }

    private static void check(Settings v, Problems problems) {
        problems.refuse(
                v.get(TRAINED_TYPE) == WeightType.BFLOAT16 && !v.get(BF16),
                TRAINED_TYPE,
                "bfloat16 keeps the weights in bfloat16, and bf16: false%s computes in float32; write bf16: true, or dtype: float32",
                problems.at(BF16));
        problems.refuse(
                v.get(OVER_FP8) && !LoraOptions.enabled(v),
                OVER_FP8,
                "fp8 holds frozen weights in eight bits, and use_peft: false%s trains all of them; write use_peft: true, or"
                        + " base_precision: none",
                LoraOptions.place(problems));
        problems.refuse(
                v.get(OVER_FP8) && !v.get(BF16),
                OVER_FP8,
                "fp8 has the rest computed in bfloat16, and bf16: false%s computes in float32; write bf16: true, or"
                        + " base_precision: none",
                problems.at(BF16));
    }

    private static WeightType parseTrainedType(String text) {
        Unreadable refusal = new Unreadable("must be float32 or bfloat16");
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "float32" -> WeightType.FLOAT32;
            case "bfloat16" -> WeightType.BFLOAT16;
            case "auto" ->
                throw refusal.butWrite(
                        "it would train in the type of the model's files, which for bfloat16 loses small updates; write dtype: float32"
                                + " (master weights, whatever the files have) or dtype: bfloat16 (none)");
            case "float16" ->
                throw refusal.butWrite(
                        "gradients overflow in it; write dtype: float32, and save_dtype: float16 for files of that type");
            default -> throw refusal;
        };
    }

    /** True is what TRL's users write for the default, false for no recomputation. */
    private static Recompute parseRecompute(String text) {
        String word = ValueTypes.isYes(text) ? "selective" : ValueTypes.isNo(text) ? "none" : text;
        return List.of(Recompute.values()).stream()
                .filter(recompute -> ValueType.lowerCase(recompute).equals(word))
                .findFirst()
                .orElseThrow(() -> new Unreadable("must be none or selective or full, or true or false"));
    }

    /** A directory, or owner/name[@revision] of a hub, as {@link #referenceModel} is. */
    public Path model() {
        return values.get(MODEL);
    }

    /** Of the model on a hub, where its name says none. */
    public Optional<String> revision() {
        return values.get(REVISION);
    }

    /** The frozen model of the reference log-probabilities; the initial weights where absent. */
    public Optional<Path> referenceModel() {
        return values.get(REFERENCE_MODEL);
    }

    public Optional<Path> chatTemplate() {
        return values.get(CHAT_TEMPLATE);
    }

    public DeviceChoice device() {
        return values.get(DEVICE);
    }

    /** Weights and activations in bfloat16 while computing. */
    public boolean bf16() {
        return values.get(BF16);
    }

    /** In which the model and its reference compute. */
    public ComputeType computeType() {
        return ComputeType.of(bf16(), values.get(OVER_FP8));
    }

    /** Of the weights that are updated: float32 master weights, or the bfloat16 ones themselves. */
    public WeightType trainedType() {
        return values.get(TRAINED_TYPE);
    }

    public Recompute recompute() {
        return values.get(RECOMPUTE);
    }

    /** Whether an adapter is trained in place of the weights, and which. */
    public LoraOptions lora() {
        return new LoraOptions(values);
    }
}
