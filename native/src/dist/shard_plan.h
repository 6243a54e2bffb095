// Which of several processes (ranks) updates what, in the manner of ZeRO (Rajbhandari et al., arXiv 1910.02054): every unit of
// parameters whose gradients are complete together (../common/parameter.h) is cut into as many parts of nearly equal size as there are ranks.
//
// So a unit's reduction asks the same of every rank, whatever else travels with it, and what a rank owns is a function of the layout and of
// the number of ranks alone: no size of a bucket changes an owner, and with it no sum. A cut lies between parameters or at a multiple of
// kOptimizerBlock elements of one, since those share a scale in 8-bit optimizers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/parameter.h"

namespace mmpo {

// Elements of the flat buffer.
struct Interval {
  int64_t begin, end;

  int64_t size() const { return end - begin; }
};

class ShardPlan {
 public:
  // parameters: of a layout, those of a unit one after another.
  ShardPlan(std::span<const Parameter> parameters, int num_ranks);

  struct Unit {
    int64_t number;
    std::vector<int64_t> cuts;  // [ranks + 1] from the start of the flat buffer

    Interval span() const { return {cuts.front(), cuts.back()}; }
    Interval part(int rank) const { return {cuts[static_cast<size_t>(rank)], cuts[static_cast<size_t>(rank) + 1]}; }
  };
  // In the order in which a backward pass completes them.
  const std::vector<Unit>& units() const { return units_; }
  int num_ranks() const { return num_ranks_; }

  // A rank's parts one after another, in the order of units, are an array of its own: elements, and where one of the flat buffer lies there.
  int64_t size(int rank) const;
  int64_t place(int rank, int64_t offset) const;

  // What a rank updates, in the order of the layout.
  std::vector<ParameterRange> ranges(int rank) const;

  // Units that travel together: as many as have num_elements together, and at least one.
  struct Bucket {
    size_t first_unit, end_unit;
  };
  std::vector<Bucket> buckets(int64_t num_elements) const;
  // Elements of a bucket that a rank owns.
  int64_t size(const Bucket& bucket, int rank) const;

 private:
  std::vector<Parameter> parameters_;
  int num_ranks_;
  std::vector<Unit> units_;
};

}  // namespace mmpo
