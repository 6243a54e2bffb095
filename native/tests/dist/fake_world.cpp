#include "dist/fake_world.h"

#include <ATen/Parallel.h>

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <torch/csrc/distributed/c10d/Backend.hpp>

namespace mmpo::testing {
namespace {

constexpr std::chrono::seconds kTimeout(120);

// One rank's part in a collective.
struct Part {
  at::Tensor received, sent;
  std::vector<int64_t> receive_sizes, send_sizes;
};

struct Collective {
  std::string kind;
  std::map<int, Part> parts;
  bool is_done = false;
};

const char* bytes_at(const at::Tensor& tensor, int64_t element) {
  return static_cast<const char*>(tensor.const_data_ptr()) + element * static_cast<int64_t>(tensor.element_size());
}

// Rank s's elements for rank r, for all s and r.
void move(Collective& collective) {
  std::map<int, int64_t> sent;
  const auto num_ranks = static_cast<int>(collective.parts.size());
  std::map<int, int64_t> received;
  for (int from = 0; from < num_ranks; ++from) {
    for (int to = 0; to < num_ranks; ++to) {
      const Part& source = collective.parts[from];
      const Part& target = collective.parts[to];
      const int64_t count = source.send_sizes[static_cast<size_t>(to)];
      TORCH_CHECK(count == target.receive_sizes[static_cast<size_t>(from)] &&
                      source.sent.scalar_type() == target.received.scalar_type(),
                  "rank ", from, " sends ", count, " elements of ", source.sent.scalar_type(), ", rank ", to,
                  " expects ", target.receive_sizes[static_cast<size_t>(from)], " of ", target.received.scalar_type());
      std::memcpy(const_cast<char*>(bytes_at(target.received, received[to])), bytes_at(source.sent, sent[from]),
                  static_cast<size_t>(count) * source.sent.element_size());
      // A gathering sends the same to all.
      if (collective.kind == "all_to_all") sent[from] += count;
      received[to] += count;
    }
  }
}

}  // namespace

struct FakeWorld::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<size_t, std::shared_ptr<Collective>> collectives;  // by number
  std::vector<std::vector<std::string>> calls;
  std::vector<size_t> failing;
  std::string problem;  // of a rank that has given up
  std::vector<c10::intrusive_ptr<c10d::Backend>> backends;
};

namespace {

class FakeWork : public c10d::Work {
 public:
  FakeWork(std::shared_ptr<FakeWorld::State> state, std::shared_ptr<Collective> collective)
      : state_(std::move(state)), collective_(std::move(collective)) {}

  bool wait(std::chrono::milliseconds) override {
    std::unique_lock lock(state_->mutex);
    const bool in_time =
        state_->changed.wait_for(lock, kTimeout, [&] { return collective_->is_done || !state_->problem.empty(); });
    TORCH_CHECK(in_time, "nobody else joined ", collective_->kind);
    TORCH_CHECK(collective_->is_done, state_->problem);
    return true;
  }

 private:
  std::shared_ptr<FakeWorld::State> state_;
  std::shared_ptr<Collective> collective_;
};

class FakeBackend : public c10d::Backend {
 public:
  FakeBackend(int rank, int num_ranks, FakeWorld::State& state) : Backend(rank, num_ranks), state_(state) {}

  const std::string getBackendName() const override { return "fake"; }

  c10::intrusive_ptr<c10d::Work> alltoall_base(at::Tensor& received, at::Tensor& sent,
                                               std::vector<int64_t>& receive_sizes, std::vector<int64_t>& send_sizes,
                                               const c10d::AllToAllOptions&) override {
    return join("all_to_all", {received, sent, receive_sizes, send_sizes});
  }

  c10::intrusive_ptr<c10d::Work> _allgather_base(at::Tensor& all, at::Tensor& mine,
                                                 const c10d::AllgatherOptions&) override {
    const std::vector<int64_t> sizes(static_cast<size_t>(size_), mine.numel());
    return join("all_gather", {all, mine, sizes, sizes});
  }

 private:
  c10::intrusive_ptr<c10d::Work> join(const std::string& kind, Part part) {
    const std::lock_guard lock(state_.mutex);
    auto& calls = state_.calls[static_cast<size_t>(rank_)];
    const size_t number = calls.size();
    calls.push_back(kind + " " + std::to_string(part.sent.numel()));
    if (number == state_.failing[static_cast<size_t>(rank_)]) give_up("the link is cut");
    auto& collective = state_.collectives[number];
    if (!collective) collective = std::make_shared<Collective>(Collective{kind, {}, false});
    if (collective->kind != kind)
      give_up("rank " + std::to_string(rank_) + " joins " + collective->kind + " with " + kind);
    collective->parts[rank_] = std::move(part);
    if (static_cast<int>(collective->parts.size()) == size_) {
      try {
        move(*collective);
      } catch (const std::exception& error) {
        give_up(error.what());
      }
      collective->is_done = true;
      state_.changed.notify_all();
    }
    return c10::make_intrusive<FakeWork>(std::shared_ptr<FakeWorld::State>(&state_, [](auto*) {}), collective);
  }

  [[noreturn]] void give_up(const std::string& problem) {
    state_.problem = problem;
    state_.changed.notify_all();
    TORCH_CHECK(false, problem);
  }

  FakeWorld::State& state_;
};

}  // namespace

FakeWorld::FakeWorld(int num_ranks) : state_(std::make_shared<State>()) {
  state_->calls.resize(static_cast<size_t>(num_ranks));
  state_->failing.assign(static_cast<size_t>(num_ranks), SIZE_MAX);
  for (int rank = 0; rank < num_ranks; ++rank) {
    state_->backends.push_back(c10::make_intrusive<FakeBackend>(rank, num_ranks, *state_));
  }
}

FakeWorld::~FakeWorld() = default;

void FakeWorld::run(const std::function<void(int, void*)>& body) {
  const int threads_before = at::get_num_threads();
  std::exception_ptr thrown;  // the first of all, which the others' follow from
  {
    std::vector<std::jthread> ranks;
    for (size_t rank = 0; rank < state_->backends.size(); ++rank) {
      ranks.emplace_back([&, rank] {
        at::set_num_threads(1);
        try {
          body(static_cast<int>(rank), state_->backends[rank].get());
        } catch (...) {
          const std::lock_guard lock(state_->mutex);
          if (!thrown) thrown = std::current_exception();
          if (state_->problem.empty()) state_->problem = "rank " + std::to_string(rank) + " is gone";
          state_->changed.notify_all();
        }
      });
    }
  }
  at::set_num_threads(threads_before);
  if (thrown) std::rethrow_exception(thrown);
}

const std::vector<std::string>& FakeWorld::calls(int rank) const { return state_->calls[static_cast<size_t>(rank)]; }

void FakeWorld::fail(int rank, size_t number) { state_->failing[static_cast<size_t>(rank)] = number; }

}  // namespace mmpo::testing
