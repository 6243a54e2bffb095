// The weight of every graded row of the head from log-probabilities that are on the GPU, so that the host need not see them
// between forward and backward: the formulas of ../loss, in a kernel.
// Shapes: R graded head rows.
#pragma once

#include "train/objective.h"

namespace mmpo {

// As Objective::evaluate's weights of the scores of logp_R and log_squares_R (undefined unless the objective reads them), spread over the
// completions' rows: float32 [R]. All of the batch's completions are graded, in pairs that do not depend on each other. On a GPU, or
// what emulates one.
Tensor row_weights_of(const Objective& objective, const PackedBatch& batch, const Tensor& logp_R,
                      const Tensor& log_squares_R);

}  // namespace mmpo
