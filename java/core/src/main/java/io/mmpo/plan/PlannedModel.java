package io.mmpo.plan;

import io.mmpo.spec.ModelShape;

/**
 * What config.json says of a model.
 *
 * @param storedInBfloat16 whether bfloat16 is the type that it gives its weights
 */
public record PlannedModel(ModelShape shape, boolean storedInBfloat16) {}
