package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

/** How rotary frequencies are stretched, so that a model reads longer texts than it was first trained on. */
public sealed interface RopeScaling {
    /**
     * Llama 3.1's: wavelengths above originalMaxPositions / lowFreqFactor are divided by factor, those below
     * originalMaxPositions / highFreqFactor are kept, and those between are interpolated.
     */
    record Llama3(double factor, double lowFreqFactor, double highFreqFactor, double originalMaxPositions)
            implements RopeScaling {
        public Llama3 {
            requirePositive("factor", factor);
            requirePositive("low_freq_factor", lowFreqFactor);
            require(
                    Double.isFinite(highFreqFactor) && highFreqFactor > lowFreqFactor,
                    "rope high_freq_factor must be > low_freq_factor, got %s and %s",
                    highFreqFactor,
                    lowFreqFactor);
            requirePositive("original_max_position_embeddings", originalMaxPositions);
        }
    }

    /** Every frequency is divided by the factor. */
    record Linear(double factor) implements RopeScaling {
        public Linear {
            requirePositive("factor", factor);
        }
    }

    /**
     * YaRN, arXiv 2309.00071: frequencies that turn more than betaFast times over the original positions are kept, those that turn
     * less than betaSlow times are divided by factor, and those between go over from one to the other.
     *
     * @param attentionFactor multiplies every cosine and sine
     * @param truncate the bounds are whole channels
     */
    record Yarn(
            double factor,
            double originalMaxPositions,
            double attentionFactor,
            double betaFast,
            double betaSlow,
            boolean truncate)
            implements RopeScaling {
        public Yarn {
            requirePositive("factor", factor);
            requirePositive("original_max_position_embeddings", originalMaxPositions);
            requirePositive("attention_factor", attentionFactor);
            requirePositive("beta_fast", betaFast);
            requirePositive("beta_slow", betaSlow);
        }
    }

    private static void requirePositive(String key, double value) {
        require(Double.isFinite(value) && value > 0, "rope %s must be > 0, got %s", key, value);
    }
}
