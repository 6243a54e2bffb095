// What is trained: a model's weights or its adapter's, in the model's own memory or as float32 masters of it, and the copy that the
// model computes with. Where several ranks share the update each has the masters of its own parts alone.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dist/part_gather.h"
#include "dist/sharding.h"
#include "model/decoder.h"
#include "model/load_parameters.h"
#include "optim/optimizer.h"

namespace mmpo {

class TrainedWeights {
 public:
  // without_masters: of a bfloat16 model without an adapter, whose own weights are then what is trained. sharding: null for one
  // process.
  TrainedWeights(Decoder& decoder, bool without_masters, Sharding* sharding);

  const ParameterLayout& layout() const { return decoder_.trained_layout(); }
  // float32, or bfloat16 where such a model is trained without masters; in the layout, or masters of this rank's parts one after another.
  Tensor& values() { return values_; }

  // What this process updates.
  std::vector<ParameterRange> ranges() const;
  // Where the elements from an offset of the layout on lie. masters: null where the bfloat16 ones are trained; rounded: null where the
  // model computes in float32.
  float* masters(int64_t offset);
  c10::BFloat16* rounded(int64_t offset);

  // Views of values() by name.
  std::vector<NamedTensor> views() const;

  // From tensors that have all of it, as load_parameters reads them; the model's weights follow.
  void load(std::span<const mmpo_tensor> tensors, const ReadWeights& read);
  // After values() was written: the model's weights follow.
  void refresh();
  // After an update: every rank's parts go to all, in the type that the model computes with; an adapter's in float32.
  void spread();

 private:
  void round();
  // This rank's parts of a buffer in the layout.
  void take_parts(const Tensor& flat);

  Decoder& decoder_;
  Sharding* sharding_;
  bool has_parts_alone_;
  std::unique_ptr<PartGather> gather_;  // where ranks share the update
  Tensor values_;
  Tensor rounded_;  // what a bfloat16 model computes with: the values rounded, or the values themselves
};

}  // namespace mmpo
