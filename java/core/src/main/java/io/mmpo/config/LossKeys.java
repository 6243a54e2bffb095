package io.mmpo.config;

import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** The keys of the loss: TRL's words, of its DPO, CPO and ORPO trainers, to one loss or a sum of several. */
final class LossKeys {
    /** CPO's losses, which are DPO's without a reference: what {@code cpo_alpha} beside them says. */
    private static final List<LossType> CPO = List.of(LossType.DPO, LossType.HINGE, LossType.IPO);

    private static final String CPO_WORD = "cpo";

    /** Which losses read a key; on the others it has no effect. */
    static final Map<String, Predicate<LossType>> READ_BY = new LinkedHashMap<>();

    static {
        Predicate<LossType> isMmpo = type -> type == LossType.MMPO;
        READ_BY.put("mmpo_reward_epsilon", isMmpo);
        READ_BY.put("mmpo_aux_weight", isMmpo);
        READ_BY.put("mmpo_normalize", isMmpo);
        READ_BY.put("simpo_gamma", type -> type == LossType.SIMPO);
        READ_BY.put("beta", type -> type != LossType.SFT);
        READ_BY.put("discopop_tau", type -> type == LossType.DISCOPOP);
        READ_BY.put("f_alpha_divergence_coef", LossType::hasDivergence);
        READ_BY.put("cpo_alpha", type -> type == LossType.SIMPO || CPO.contains(type));
        READ_BY.put("ref_model_name_or_path", LossType::readsReference);
        READ_BY.put("precompute_ref_batch_size", LossType::readsReference);
    }

    private LossKeys() {}

    /** The loss of a word; {@code cpo} is DPO's without a reference. */
    static Optional<LossType> named(String word) {
        return word.equals(CPO_WORD) ? Optional.of(LossType.DPO) : LossType.named(word);
    }

    /** All words, for a message. */
    static String words() {
        List<String> words = new ArrayList<>();
        Arrays.stream(LossType.values()).forEach(type -> type.word().ifPresent(words::add));
        words.add(CPO_WORD);
        return String.join(", ", words);
    }

    static LossOptions read(Values v) {
        List<String> words = v.lossWords();
        String first = words.getFirst();
        LossType type = v.loss();
        Optional<Double> cpoAlpha = v.optionalNumber("cpo_alpha");
        boolean isCpo = first.equals(CPO_WORD) || (words.size() == 1 && cpoAlpha.isPresent() && CPO.contains(type));
        if (isCpo && first.equals("dpo")) {
            v.refuse(
                    "cpo_alpha",
                    "cpo_alpha is of CPO, a loss without a reference model, and loss_type is dpo; write loss_type: cpo, or remove"
                            + " cpo_alpha");
        }
        double alpha = cpoAlpha.orElse(first.equals(CPO_WORD) ? 1.0 : 0.0);
        if (!(alpha >= 0)) {
            v.refuse("cpo_alpha", "cpo_alpha must be >= 0, got " + Echo.number(alpha));
        }
        List<LossTerm> terms = terms(v, words);
        if (type == LossType.ORPO) {
            terms.add(new LossTerm(LossType.CHOSEN_NLL, 1));
        } else if ((isCpo || type == LossType.SIMPO) && alpha > 0) {
            terms.add(new LossTerm(LossType.CHOSEN_NLL, alpha));
        }
        return new LossOptions(
                terms,
                v.number("beta"),
                v.number("mmpo_reward_epsilon"),
                v.number("mmpo_aux_weight"),
                v.choice("mmpo_normalize", "batch", "none").equals("batch"),
                isCpo ? type == LossType.IPO : v.bool("length_normalize"),
                v.number("label_smoothing"),
                v.number("simpo_gamma"),
                v.number("discopop_tau"),
                divergence(v),
                v.number("f_alpha_divergence_coef"),
                isCpo);
    }

    /** TRL takes an alpha of 1, where the alpha divergence is reverse KL, for that. */
    private static Divergence divergence(Values v) {
        String[] words =
                Arrays.stream(Divergence.values()).map(Divergence::word).toArray(String[]::new);
        Divergence divergence =
                Divergence.named(v.choice("f_divergence_type", words)).orElseThrow();
        boolean isReverse = Math.abs(v.number("f_alpha_divergence_coef") - 1) < 1e-6;
        return divergence == Divergence.ALPHA_DIVERGENCE && isReverse ? Divergence.REVERSE_KL : divergence;
    }

    private static List<LossTerm> terms(Values v, List<String> words) {
        List<Double> weights = v.numbers("loss_weights");
        if (!weights.isEmpty() && weights.size() != words.size()) {
            v.refuse(
                    "loss_weights",
                    "loss_weights must be one number a loss: loss_type has " + words.size() + ", loss_weights "
                            + weights.size());
            weights = List.of();
        }
        List<LossTerm> terms = new ArrayList<>();
        for (int i = 0; i < words.size(); i++) {
            LossType type = named(words.get(i)).orElse(v.loss());
            if (words.size() > 1) {
                type = type == LossType.SFT ? LossType.CHOSEN_NLL : type;
                if (type == LossType.MMPO
                        || type == LossType.SIMPO
                        || type == LossType.ORPO
                        || words.get(i).equals(CPO_WORD)) {
                    v.refuse(
                            "loss_type",
                            "loss_type " + words.get(i)
                                    + " stands alone, and a list of several was found; remove it from the list, or"
                                    + " write it alone");
                }
            }
            terms.add(new LossTerm(type, weights.isEmpty() ? 1 : weights.get(i)));
        }
        return terms;
    }
}
