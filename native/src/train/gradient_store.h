// Where the gradients of what is trained are added up, from an update's first
// slice to its last: in one buffer of one process, or reduced over ranks. A
// backward pass tells it of each unit of parameters that it has completed.
#pragma once

#include <memory>
#include <vector>

#include "dist/sharding.h"
#include "model/decoder.h"
#include "optim/optimizer.h"

namespace mmpo {

class GradientStore {
 public:
  GradientStore() = default;
  GradientStore(const GradientStore&) = delete;
  GradientStore& operator=(const GradientStore&) = delete;
  virtual ~GradientStore() = default;

  // Around the slices of a micro-batch, of which ranks may have different
  // numbers.
  virtual void begin_micro_batch(int64_t num_slices) = 0;
  virtual void end_micro_batch() = 0;

  // Where a slice's backward pass adds its gradients. has_graded_rows: false
  // for one that has none, whose products write nothing. is_last: of the
  // update, as far as is known.
  virtual DecoderGradients& begin_slice(bool has_graded_rows, bool is_last) = 0;
  virtual void end_slice() = 0;

  // No slice follows: what is there is the gradient of the update, zero if
  // there was no slice.
  virtual void complete() = 0;
  // The next slice begins a new one.
  virtual void begin_update() = 0;

  // Of the complete gradient of all ranks, the same bits on each.
  virtual double sum_of_squares() = 0;
  // float32, from an element of the layout on: one that this rank updates.
  virtual const float* at(int64_t offset) const = 0;

  // What is kept: float32, in the layout of what is trained, or this rank's
  // parts one after another.
  virtual Tensor& values() = 0;
  // Views of it by name.
  virtual std::vector<NamedTensor> views() = 0;
};

// Of the decoder's weights, or of its adapter's where it has one. sharding:
// null for one process.
std::unique_ptr<GradientStore> make_gradient_store(const Decoder& decoder, Sharding* sharding);

// Views of a buffer in the parameters' layout, in their shapes.
std::vector<NamedTensor> views_of(const ParameterLayout& layout, const Tensor& flat);
// The same of a rank's parts one after another: flat views of its ranges.
std::vector<NamedTensor> views_of(const ShardPlan& plan, int rank, const Tensor& parts);

} // namespace mmpo
