// The processes that train together, over a c10d::Backend that the caller made (Gloo's or NCCL's), and the few collectives that they
// make. All ranks make the same ones in the same order. What a rank sends is counted.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace c10d {
class Backend;
}

namespace mmpo {

using at::Tensor;

class RankGroup {
 public:
  // The backend must outlive the group. device: of all tensors.
  RankGroup(c10d::Backend& backend, at::Device device);

  int rank() const { return rank_; }
  int size() const { return size_; }

  // A collective that goes on beside what is computed. wait() before its result is read or its memory written: on a GPU it is the
  // stream that waits, not the host. Error(MMPO_COLLECTIVE) names the collective and the rank.
  class Work {
   public:
    Work() = default;
    explicit Work(std::function<void()> wait) : wait_(std::move(wait)) {}

    void wait();

   private:
    std::function<void()> wait_;  // empty where there is nothing to wait for
  };

  // sent: for each rank its elements one after another, send_sizes of them; received: likewise from each rank. what: for messages.
  Work all_to_all(const Tensor& sent, std::vector<int64_t> send_sizes, const Tensor& received,
                  std::vector<int64_t> receive_sizes, std::string what);
  // all: [ranks * elements of mine].
  Work all_gather(const Tensor& mine, const Tensor& all, std::string what);

  // Values of every rank, of equal number, in the order of ranks: [ranks * values]. The host waits for them where it reads them.
  class Values {
   public:
    std::vector<double> wait();

   private:
    friend class RankGroup;
    Tensor all_;
    Work work_;
  };
  Values gather(std::span<const double> values, std::string what);

  // By this rank to others, over all collectives so far. Of a gathering that is what the others get to see of its own.
  int64_t bytes_sent() const { return bytes_sent_; }

 private:
  c10d::Backend& backend_;
  at::Device device_;
  int rank_;
  int size_;
  int64_t bytes_sent_ = 0;
};

}  // namespace mmpo
