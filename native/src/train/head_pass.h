// The head of a slice that is trained on: log-probabilities, their weights by the objective, and what goes back into the decoder.
// Shapes: R head rows, T graded rows of the slice, H hidden.
#pragma once

#include "model/model.h"
#include "train/objective.h"

namespace mmpo {

struct HeadPass {
  Tensor logp_R;  // float32, of all head rows
  Tensor log_squares_R;  // the same; undefined unless the objective reads them
  Tensor grad_TH;  // by the decoder's output
};

// What Model::predict left for the head, forward and backward. Adds to the gradients of the head and of the final norm. The memory is the
// workspace's; that of the predictions a GPU has back when this returns.
HeadPass pass_head(Model& model, const PackedBatch& batch, Model::Predictions predictions, const Objective& objective,
                   DecoderGradients& gradients);

}  // namespace mmpo
