package io.mmpo.nativelib;

import static io.mmpo.nativelib.Require.require;

/**
 * Llama 3.1's stretching of the rotary frequencies: wavelengths above originalMaxPositions / lowFreqFactor are divided by
 * factor, those below originalMaxPositions / highFreqFactor are kept, and those between are interpolated.
 */
public record RopeScaling(double factor, double lowFreqFactor, double highFreqFactor, double originalMaxPositions) {
    public RopeScaling {
        require(Double.isFinite(factor) && factor >= 1, "rope factor must be >= 1, got %s", factor);
        require(lowFreqFactor > 0, "rope low_freq_factor must be > 0, got %s", lowFreqFactor);
        require(
                Double.isFinite(highFreqFactor) && highFreqFactor > lowFreqFactor,
                "rope high_freq_factor must be > low_freq_factor, got %s and %s",
                highFreqFactor,
                lowFreqFactor);
        require(
                Double.isFinite(originalMaxPositions) && originalMaxPositions >= 1,
                "rope original_max_position_embeddings must be >= 1, got %s",
                originalMaxPositions);
    }
}
