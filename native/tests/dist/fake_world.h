// Several ranks in one process, a thread each, over a c10d::Backend that copies between them: what Gloo and NCCL do, with a record of who
// called what. A collective moves its data when the last rank has joined it, so memory that is written before wait() shows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mmpo::testing {

class FakeWorld {
 public:
  explicit FakeWorld(int num_ranks);
  ~FakeWorld();
  FakeWorld(const FakeWorld&) = delete;
  FakeWorld& operator=(const FakeWorld&) = delete;

  // Calls body(rank, its c10d::Backend) on a thread of each rank, which computes with one thread. What one throws is thrown here.
  void run(const std::function<void(int rank, void* backend)>& body);

  // The rank's collectives in their order: "all_to_all 1024", with the bytes that it sent.
  const std::vector<std::string>& calls(int rank) const;

  // The rank's collective of this number, from 0, fails.
  void fail(int rank, size_t number);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace mmpo::testing
