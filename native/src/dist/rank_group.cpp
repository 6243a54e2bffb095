#include "dist/rank_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <iomanip>
#include <sstream>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <utility>

#include "common/error.h"
#include "dist/exchange_record.h"

namespace mmpo {
namespace {

// A collective of one rank, from its beginning to its end.
class Exchange {
 public:
  Exchange(std::string what, int64_t bytes, int rank, int size)
      : what_(what), rank_(rank), size_(size), number_(ExchangeRecord::of_process().begin(std::move(what), bytes)) {}

  void end() const { ExchangeRecord::of_process().end(number_, false); }

  // Runs a call of the backend; what it throws becomes an error that says which collective of which rank failed, and after how long.
  template <typename Call>
  auto named(const Call& call) const {
    try {
      return call();
    } catch (const c10::Error& error) {
      failed(error.what_without_backtrace());
    } catch (const std::exception& error) {
      failed(error.what());
    }
  }

 private:
  [[noreturn]] void failed(const char* why) const {
    const double seconds = ExchangeRecord::of_process().end(number_, true);
    std::ostringstream waited;
    waited << std::fixed << std::setprecision(1) << seconds;
    fail(MMPO_COLLECTIVE, what_, " of rank ", rank_, " of ", size_, " failed after ", waited.str(), " s: ", why);
  }

  std::string what_;
  int rank_;
  int size_;
  uint64_t number_;
};

// What travels is not computed with, and not every backend knows every type.
Tensor bytes_of(const Tensor& values) { return values.view(at::kByte); }

RankGroup::Work waiting_for(Exchange exchange, c10::intrusive_ptr<c10d::Work> work, std::vector<Tensor> kept) {
  return RankGroup::Work([exchange = std::move(exchange), work = std::move(work), kept = std::move(kept)] {
    exchange.named([&] { TORCH_CHECK(work->wait(), "it was aborted"); });
    exchange.end();
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
  const int64_t bytes = from.numel() - send_sizes[static_cast<size_t>(rank_)];
  bytes_sent_ += bytes;
  Exchange exchange(std::move(what), bytes, rank_, size_);
  auto work = exchange.named([&] { return backend_.alltoall_base(to, from, receive_sizes, send_sizes); });
  return waiting_for(std::move(exchange), std::move(work), {from, to});
}

RankGroup::Work RankGroup::all_gather(const Tensor& mine, const Tensor& all, std::string what) {
  Tensor from = bytes_of(mine);
  Tensor to = bytes_of(all);
  const int64_t bytes = (size_ - 1) * from.numel();
  bytes_sent_ += bytes;
  Exchange exchange(std::move(what), bytes, rank_, size_);
  auto work = exchange.named([&] { return backend_._allgather_base(to, from); });
  return waiting_for(std::move(exchange), std::move(work), {from, to});
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
