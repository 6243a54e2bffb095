#include "dist/rank_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <utility>

#include "common/error.h"

namespace mmpo {
namespace {

// Runs a call of the backend; what it throws becomes an error that says which collective of which rank failed.
template <typename Call>
auto named(const std::string& what, int rank, int size, const Call& call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    fail(MMPO_COLLECTIVE, what, " of rank ", rank, " of ", size, " failed: ", error.what_without_backtrace());
  } catch (const std::exception& error) {
    fail(MMPO_COLLECTIVE, what, " of rank ", rank, " of ", size, " failed: ", error.what());
  }
}

// What travels is not computed with, and not every backend knows every type.
Tensor bytes_of(const Tensor& values) { return values.view(at::kByte); }

RankGroup::Work waiting_for(c10::intrusive_ptr<c10d::Work> work, std::vector<Tensor> kept, std::string what, int rank,
                            int size) {
  return RankGroup::Work([work = std::move(work), kept = std::move(kept), what = std::move(what), rank, size] {
    named(what, rank, size, [&] { TORCH_CHECK(work->wait(), "it was aborted"); });
  });
}

}  // namespace

RankGroup::RankGroup(c10d::Backend& backend, at::Device device)
    : backend_(backend), device_(device), rank_(backend.getRank()), size_(backend.getSize()) {}

void RankGroup::Work::wait() {
  if (wait_) std::exchange(wait_, nullptr)();
}

RankGroup::Work RankGroup::all_to_all(const Tensor& sent, std::vector<int64_t> send_sizes, const Tensor& received,
                                      std::vector<int64_t> receive_sizes, std::string what) {
  Tensor from = bytes_of(sent);
  Tensor to = bytes_of(received);
  for (int64_t& size : send_sizes) size *= static_cast<int64_t>(sent.element_size());
  for (int64_t& size : receive_sizes) size *= static_cast<int64_t>(received.element_size());
  bytes_sent_ += from.numel() - send_sizes[static_cast<size_t>(rank_)];
  auto work = named(what, rank_, size_, [&] { return backend_.alltoall_base(to, from, receive_sizes, send_sizes); });
  return waiting_for(std::move(work), {from, to}, std::move(what), rank_, size_);
}

RankGroup::Work RankGroup::all_gather(const Tensor& mine, const Tensor& all, std::string what) {
  Tensor from = bytes_of(mine);
  Tensor to = bytes_of(all);
  bytes_sent_ += (size_ - 1) * from.numel();
  auto work = named(what, rank_, size_, [&] { return backend_._allgather_base(to, from); });
  return waiting_for(std::move(work), {from, to}, std::move(what), rank_, size_);
}

RankGroup::Values RankGroup::gather(std::span<const double> values, std::string what) {
  Values gathered;
  const Tensor mine = at::tensor(at::ArrayRef<double>(values.data(), values.size()), at::kDouble).to(device_);
  gathered.all_ = at::empty({size_ * mine.numel()}, mine.options());
  gathered.work_ = all_gather(mine, gathered.all_, std::move(what));
  return gathered;
}

std::vector<double> RankGroup::Values::wait() {
  work_.wait();
  const Tensor host = all_.cpu();
  const double* values = host.const_data_ptr<double>();
  return {values, values + host.numel()};
}

}  // namespace mmpo
