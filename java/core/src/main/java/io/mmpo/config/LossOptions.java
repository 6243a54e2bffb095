package io.mmpo.config;

import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.NUMBER;
import static io.mmpo.config.ValueTypes.NUMBERS;

import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** The loss, or several that are added up, and their constants; docs/losses.md has the formulas. */
public record LossOptions(Settings values) {
    static final Section KEYS = new Section("Loss", LossOptions::check);

    /** CPO's losses, which are DPO's without a reference: what cpo_alpha beside them says. */
    private static final List<LossType> OF_CPO = List.of(LossType.DPO, LossType.HINGE, LossType.IPO);

    private static final Predicate<LossType> IS_MMPO = type -> type == LossType.MMPO;
    private static final Predicate<LossType> IS_SIMPO = type -> type == LossType.SIMPO;

    static final ConfigKey<List<String>> LOSS_TYPE = KEYS.key("loss_type", LossWords.TYPE)
            .unset("mmpo")
            .means(
                    "`mmpo`, `dpo` (TRL's `sigmoid`), `simpo`, `sft`, `cpo`, `orpo`, or another of TRL's losses of pairs, or a list of several"
                            + " that are added up (docs/losses.md).");

    private static final ConfigKey<List<Double>> LOSS_WEIGHTS =
            KEYS.key("loss_weights", NUMBERS).means("Weights of a list of losses; unset: 1 each.");

    private static final ConfigKey<Double> BETA = KEYS.key("beta", NUMBER)
            .unset("0.1")
            .unset(LossType.MMPO, "0.01")
            .of(type -> type != LossType.SFT)
            .must(beta -> beta > 0, "must be > 0")
            .means("MMPO: weight of the reference in the reward; else: inverse temperature. Above 0.");

    private static final ConfigKey<Double> REWARD_EPSILON = KEYS.key("mmpo_reward_epsilon", NUMBER)
            .unset("0.9")
            .of(IS_MMPO)
            .must(epsilon -> epsilon >= 0, "must be >= 0")
            .means("MMPO: constant of the chosen response's reward.");

    private static final ConfigKey<Double> AUX_WEIGHT = KEYS.key("mmpo_aux_weight", NUMBER)
            .unset("1")
            .of(IS_MMPO)
            .must(weight -> weight >= 0, "must be >= 0")
            .means("MMPO: weight λ of the −log σ(s_w − s_l) term.");

    private static final ConfigKey<Boolean> NORMALIZE = KEYS.key("mmpo_normalize", ValueType.either("batch", "none"))
            .unset("batch")
            .of(IS_MMPO)
            .means(
                    "MMPO: `batch` for min-max normalised rewards over the micro-batch, `none` for rewards as they are.");

    private static final ConfigKey<Double> ENTROPY_WEIGHT = KEYS.key("entropy_weight", NUMBER)
            .unset("0")
            .of(IS_MMPO)
            .must(Double::isFinite, "must be a number")
            .means(
                    "MMPO: weight of the entropy of the chosen responses, which the gradient raises (below 0: lowers); the loss is logged without"
                            + " it. 0: no such term, as in the paper's own runs.");

    private static final ConfigKey<Boolean> LENGTH_NORMALIZE = KEYS.key("length_normalize", FLAG)
            .unset("false")
            .unset(LossType.SIMPO, "true")
            .means(
                    "MMPO, SimPO: log-probabilities divided by the completion's length. SimPO is so by its authors and in TRL;"
                            + " `false` is the form on sums that the MMPO paper compares with.");

    private static final ConfigKey<Double> LABEL_SMOOTHING = KEYS.key("label_smoothing", NUMBER)
            .unset("0.0")
            .must(share -> share >= 0 && share < 0.5, "must be in [0, 0.5)")
            .means("DPO, SimPO, robust, exo_pair, aot: probability that a label is flipped, in [0, 0.5).");

    private static final ConfigKey<Double> SIMPO_GAMMA =
            KEYS.key("simpo_gamma", NUMBER).unset("0.5").of(IS_SIMPO).means("SimPO: target reward margin γ.");

    private static final ConfigKey<Optional<Double>> CPO_ALPHA = KEYS.key("cpo_alpha", NUMBER.optional())
            .of(IS_SIMPO.or(OF_CPO::contains))
            .must(alpha -> alpha.orElse(0.0) >= 0, "must be >= 0")
            .means(
                    "CPO, SimPO: weight of the chosen response's likelihood beside the loss. Beside `sigmoid`, `hinge` or `ipo` it says that"
                            + " the loss is CPO's, without a reference model. Unset: 0; `cpo`: 1.");

    private static final ConfigKey<Double> ALPHA = KEYS.key("alpha", NUMBER)
            .unset("0.0")
            .must(Double::isFinite, "must be a number")
            .means(
                    "CPO, SimPO: AlphaPO's α, which makes a reward of a log-probability x into (1 − exp(−αx)) / α; 0: x itself.");

    private static final ConfigKey<Optional<Double>> LD_ALPHA = KEYS.key("ld_alpha", NUMBER.optional())
            .must(alpha -> alpha.orElse(1.0) >= 0 && alpha.orElse(1.0) <= 1, "must be in [0, 1]")
            .means(
                    "Losses of DPO's kind: LD-DPO's α, how much the tokens of a pair's longer response count that lie beyond the shorter one's"
                            + " length. Unset: as all.");

    private static final ConfigKey<Boolean> USE_WEIGHTING = KEYS.key("use_weighting", FLAG)
            .unset("false")
            .means("Losses of DPO's kind, AOT aside: WPO, each pair weighed by how likely the policy is to write it.");

    private static final ConfigKey<Divergence> DIVERGENCE = KEYS.key(
                    "f_divergence_type", ValueType.oneOf(List.of(Divergence.values()), Divergence::word))
            .unset("reverse_kl")
            .means("Losses of DPO's margin: `reverse_kl`, `forward_kl`, `js_divergence` or `alpha_divergence`.");

    private static final ConfigKey<Double> DIVERGENCE_ALPHA = KEYS.key("f_alpha_divergence_coef", NUMBER)
            .unset("0.5")
            .of(LossType::hasDivergence)
            .means("alpha_divergence: its α.");

    private static final ConfigKey<Double> DISCOPOP_TAU = KEYS.key("discopop_tau", NUMBER)
            .unset("0.05")
            .of(type -> type == LossType.DISCOPOP)
            .must(tau -> tau > 0, "must be > 0")
            .means("discopop: temperature τ of its blend.");

    /** One way to write each loss, so that two configurations that mean the same are equal. */
    public LossOptions {
        values = inOneWay(values.of(KEYS));
    }

    /** The losses that are named, at least one. */
    static List<LossType> types(Settings v) {
        return LossWords.types(v.get(LOSS_TYPE));
    }

    private static Settings inOneWay(Settings v) {
        boolean isCpo = isCpo(v);
        List<String> words = v.get(LOSS_TYPE).stream()
                .map(word -> isCpo && types(v).getFirst() == LossType.DPO
                        ? LossWords.CPO
                        : LossWords.named(word).flatMap(LossType::word).orElseThrow())
                .toList();
        LossType first = types(v).getFirst();
        double alpha = v.get(LOSS_TYPE).contains(LossWords.ALPHAPO)
                ? 0 // whatever is written, as in TRL
                : v.get(CPO_ALPHA).orElse(v.get(LOSS_TYPE).getFirst().equals(LossWords.CPO) ? 1.0 : 0.0);
        // TRL takes an alpha of 1, where the alpha divergence is reverse KL, for that.
        boolean isReverse =
                v.get(DIVERGENCE) == Divergence.ALPHA_DIVERGENCE && Math.abs(v.get(DIVERGENCE_ALPHA) - 1) < 1e-6;
        return v.with(LOSS_TYPE, words)
                .with(
                        LOSS_WEIGHTS,
                        v.get(LOSS_WEIGHTS).stream().allMatch(w -> w == 1) ? List.of() : v.get(LOSS_WEIGHTS))
                .with(CPO_ALPHA, isCpo || first == LossType.SIMPO ? Optional.of(alpha) : Optional.empty())
                .with(LD_ALPHA, v.get(LD_ALPHA).filter(share -> share != 1))
                .with(LENGTH_NORMALIZE, isCpo ? first == LossType.IPO : v.get(LENGTH_NORMALIZE))
                .with(DIVERGENCE, isReverse ? Divergence.REVERSE_KL : v.get(DIVERGENCE));
    }

    /** Whether the one loss is CPO's: by its word, or by cpo_alpha beside one that DPO has too. */
    private static boolean isCpo(Settings v) {
        List<String> words = v.get(LOSS_TYPE);
        return words.equals(List.of(LossWords.CPO))
                || words.size() == 1 && v.get(CPO_ALPHA).isPresent() && OF_CPO.contains(types(v).getFirst());
    }

    private static void check(Settings v, Problems problems) {
        checkWords(v, problems);
        checkWeights(v, problems);
        List<LossType> types = types(v);
        LossType first = types.getFirst();
        String loss = LossWords.named(v.get(LOSS_TYPE).getFirst())
                .flatMap(LossType::word)
                .orElseThrow();
        problems.refuse(
                v.get(LABEL_SMOOTHING) > 0 && types.stream().noneMatch(LossType::hasLabelSmoothing),
                LABEL_SMOOTHING,
                "is for loss_type dpo, simpo, exo_pair, robust and aot, and loss_type is %s; remove it or set it to 0",
                loss);
        problems.refuse(
                v.get(LABEL_SMOOTHING) == 0 && types.contains(LossType.EXO_PAIR),
                LABEL_SMOOTHING,
                "must be > 0 for loss_type exo_pair, whose formula has its logarithm; write label_smoothing: 1.0e-3");
        problems.refuse(
                v.get(DIVERGENCE) != Divergence.REVERSE_KL && types.stream().noneMatch(LossType::hasDivergence),
                DIVERGENCE,
                "is for dpo, hinge, ipo, sigmoid_norm, exo_pair, robust and discopop, and loss_type is %s; write reverse_kl or remove it",
                loss);
        problems.refuse(
                v.get(LENGTH_NORMALIZE) && first != LossType.MMPO && first != LossType.SIMPO && !isCpo(v),
                LENGTH_NORMALIZE,
                "is for loss_type mmpo and simpo, and loss_type is %s; remove it or set it to false",
                loss);
    }

    private static void checkWeights(Settings v, Problems problems) {
        List<LossType> types = types(v);
        String losses = String.join(", ", v.get(LOSS_TYPE));
        boolean areOfDpo = types.stream().allMatch(LossType::isOfDpo) && !isCpo(v);
        problems.refuse(
                v.get(LD_ALPHA).orElse(1.0) != 1 && !areOfDpo,
                LD_ALPHA,
                "is for losses of DPO's kind, with a reference model, and loss_type is %s; remove it",
                losses);
        boolean areOfPairs = types.stream().noneMatch(t -> t == LossType.AOT || t == LossType.AOT_UNPAIRED);
        problems.refuse(
                v.get(USE_WEIGHTING) && !(areOfDpo && areOfPairs),
                USE_WEIGHTING,
                "is for losses of DPO's kind, with a reference model, aot and aot_unpaired aside, and loss_type is %s; remove it",
                losses);
        problems.refuse(
                v.get(ALPHA) != 0 && types.getFirst() != LossType.SIMPO && !isCpo(v),
                ALPHA,
                "is AlphaPO's, for simpo and cpo, and loss_type is %s; write alpha: 0.0",
                losses);
    }

    private static void checkWords(Settings v, Problems problems) {
        List<String> words = v.get(LOSS_TYPE);
        problems.refuse(
                words.equals(List.of("dpo")) && v.get(CPO_ALPHA).isPresent(),
                CPO_ALPHA,
                "is of CPO, a loss without a reference model, and loss_type is dpo; write loss_type: cpo, or remove cpo_alpha");
        int numWeights = v.get(LOSS_WEIGHTS).size();
        problems.refuse(
                numWeights > 0 && numWeights != words.size(),
                LOSS_WEIGHTS,
                "must be one number a loss: loss_type has %d, loss_weights %d",
                words.size(),
                numWeights);
        for (String word : words.size() > 1 ? words : List.<String>of()) {
            LossType type = LossWords.named(word).orElseThrow();
            boolean standsAlone = type == LossType.MMPO
                    || type == LossType.SIMPO
                    || type == LossType.ORPO
                    || word.equals(LossWords.CPO);
            problems.refuse(
                    standsAlone,
                    LOSS_TYPE,
                    "%s stands alone, and a list of several was found; remove it from the list, or write it alone",
                    word);
        }
    }

    /** As loss_type names them, at least one. */
    public List<String> words() {
        return values.get(LOSS_TYPE);
    }

    /** At least one; the first decides what is logged as rewards. */
    public List<LossTerm> terms() {
        List<LossType> types = types(values);
        List<Double> weights = values.get(LOSS_WEIGHTS);
        List<LossTerm> terms = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
            boolean isPartOfSum = types.size() > 1 && types.get(i) == LossType.SFT;
            terms.add(new LossTerm(
                    isPartOfSum ? LossType.CHOSEN_NLL : types.get(i), weights.isEmpty() ? 1 : weights.get(i)));
        }
        double likelihood = type() == LossType.ORPO ? 1 : values.get(CPO_ALPHA).orElse(0.0);
        if (likelihood > 0) {
            terms.add(new LossTerm(LossType.CHOSEN_NLL, likelihood));
        }
        return List.copyOf(terms);
    }

    /** The first loss, which decides what kind of rows there are and what is logged as rewards. */
    public LossType type() {
        LossType first = types(values).getFirst();
        return first == LossType.SFT && values.get(LOSS_TYPE).size() > 1 ? LossType.CHOSEN_NLL : first;
    }

    public boolean isSft() {
        return type() == LossType.SFT;
    }

    /** CPO: implicit rewards without a reference model. */
    public boolean referenceFree() {
        return isCpo(values);
    }

    /** MMPO's weight of the reference in the reward, else the inverse temperature. */
    public double beta() {
        return values.get(BETA);
    }

    /** Log-probabilities per token (MMPO, SimPO, CPO's IPO). */
    public boolean lengthNormalize() {
        return values.get(LENGTH_NORMALIZE);
    }

    /** How much a token counts that the pair's other response has no counterpart of, in the reference's log-probabilities too. */
    public double ldAlpha() {
        return values.get(LD_ALPHA).orElse(1.0);
    }

    /** Of the implicit rewards. */
    public Divergence divergence() {
        return values.get(DIVERGENCE);
    }

    /** Whether the loss reads log-probabilities of a reference model. */
    public boolean needsReference() {
        return !referenceFree() && terms().stream().map(LossTerm::type).anyMatch(LossType::readsReference);
    }

    /** Whether the gradient leaves the rejected response out: MMPO's loss is -s_w at lambda = 1. */
    public boolean ignoresRejected() {
        return type() == LossType.MMPO && values.get(AUX_WEIGHT) == 1;
    }

    /** Of the chosen responses' entropy; 0: no such term. */
    public double entropyWeight() {
        return values.get(ENTROPY_WEIGHT);
    }

    /** SimPO on sums of log-probabilities, which is not what is meant by the name elsewhere. */
    public boolean isSummedSimpo() {
        return type() == LossType.SIMPO && !lengthNormalize();
    }

    /** Whether log-probabilities are logged as means over tokens. */
    public boolean logsMeanLogps() {
        return type().logsMeanLogps(lengthNormalize());
    }

    /** scale: 1 / the number of pairs (SFT: tokens) in the optimizer step. */
    public Objective objective(double scale, boolean scoreRejected) {
        return new Objective(
                terms(),
                new Objective.Coefficients(
                        beta(),
                        values.get(REWARD_EPSILON),
                        values.get(AUX_WEIGHT),
                        values.get(LABEL_SMOOTHING),
                        values.get(SIMPO_GAMMA),
                        values.get(DISCOPOP_TAU),
                        divergence(),
                        values.get(DIVERGENCE_ALPHA),
                        referenceFree(),
                        lengthNormalize(),
                        values.get(NORMALIZE),
                        ldAlpha(),
                        values.get(ALPHA),
                        values.get(USE_WEIGHTING),
                        entropyWeight()),
                scale,
                scoreRejected);
    }
}
