#include "dist/rank_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "common/error.h"

namespace mmpo {
namespace {

// Runs a call of the backend; what it throws becomes an error that says which collective of which rank failed.
template <typename Call>
auto named(const std::string& what, int rank, int size, const Call& call) {
  try {
    return call();
  } catch (const std::exception& error) {
    fail(MMPO_INTERNAL, what, " of rank ", rank, " of ", size, " failed: ", error.what());
  }
}

RankGroup::Work waiting_for(c10::intrusive_ptr<c10d::Work> work, std::vector<Tensor> kept, std::string what, int rank,
                            int size) {
  return RankGroup::Work([work = std::move(work), kept = std::move(kept), what = std::move(what), rank, size] {
    named(what, rank, size, [&] { return work->wait(); });
  });
}

}  // namespace

RankGroup::RankGroup(c10d::Backend& backend, at::Device device)
    : backend_(backend), device_(device), rank_(backend.getRank()), size_(backend.getSize()) {}

void RankGroup::Work::wait() {
  if (wait_) std::exchange(wait_, nullptr)();
}

RankGroup::Work RankGroup::all_to_all(Tensor sent, std::vector<int64_t> send_sizes, Tensor received,
                                      std::vector<int64_t> receive_sizes, std::string what) {
  bytes_sent_ += (sent.numel() - send_sizes[static_cast<size_t>(rank_)]) * static_cast<int64_t>(sent.element_size());
  auto work =
      named(what, rank_, size_, [&] { return backend_.alltoall_base(received, sent, receive_sizes, send_sizes); });
  return waiting_for(std::move(work), {sent, received}, std::move(what), rank_, size_);
}

RankGroup::Work RankGroup::all_gather(Tensor mine, Tensor all, std::string what) {
  bytes_sent_ += (size_ - 1) * static_cast<int64_t>(mine.nbytes());
  auto work = named(what, rank_, size_, [&] { return backend_._allgather_base(all, mine); });
  return waiting_for(std::move(work), {mine, all}, std::move(what), rank_, size_);
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
