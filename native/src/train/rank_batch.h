// What the losses of a rank's rows take from those that other ranks have of the same micro-batch. Every rank calls these alike, one that
// has no rows, too.
#pragma once

#include "dist/rank_group.h"
#include "train/objective.h"

namespace mmpo {

// Facts of all ranks' pairs from those of each one's own.
BatchFacts facts_of_all(RankGroup& group, const Objective& objective);

// The result of a loss that couples pairs, among all ranks' pairs in the order of ranks, which is that of rows.
Objective::Result evaluate_among_all(RankGroup& group, const Objective& objective, const CompletionScores& scores);

}  // namespace mmpo
