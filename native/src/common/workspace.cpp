#include "common/workspace.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

namespace mmpo {
namespace {

constexpr int64_t kAlignment = 64;
constexpr int64_t kSmallestBlock = int64_t{16} << 20;

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Tensor Workspace::allocate(at::IntArrayRef shape, at::ScalarType dtype) {
  if (!device_.is_cpu()) return at::empty(shape, at::TensorOptions().dtype(dtype).device(device_));
  const int64_t bytes = aligned(c10::multiply_integers(shape) * static_cast<int64_t>(c10::elementSize(dtype)));
  while (current_ < blocks_.size() && blocks_[current_].used + bytes > blocks_[current_].memory.numel()) ++current_;
  if (current_ == blocks_.size()) {
    // As much again as there is: few blocks, and none is ever given back, since memory that is touched for the first time
    // costs more than what is computed in it.
    blocks_.push_back({at::empty({std::max({bytes, this->bytes(), kSmallestBlock})}, at::kByte), 0});
  }
  Block& block = blocks_[current_];
  auto* data = block.memory.mutable_data_ptr<uint8_t>() + block.used;
  block.used += bytes;
  return at::from_blob(data, shape, at::TensorOptions().dtype(dtype));
}

Workspace::Mark Workspace::mark() const { return {current_, current_ < blocks_.size() ? blocks_[current_].used : 0}; }

void Workspace::rewind(Mark mark) {
  for (size_t i = mark.block + 1; i < blocks_.size(); ++i) blocks_[i].used = 0;
  if (mark.block < blocks_.size()) blocks_[mark.block].used = mark.used;
  current_ = mark.block;
}

void Workspace::reset() { rewind({0, 0}); }

int64_t Workspace::bytes() const {
  int64_t total = 0;
  for (const Block& block : blocks_) total += block.memory.numel();
  return total;
}

}  // namespace mmpo
