#include "cuda/emulator.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

// Of the section in which __shared__ variables lie (emulator.h), from the linker.
extern "C" {
extern char __start_mmpo_emulated_shared[];
extern char __stop_mmpo_emulated_shared[];
}

namespace mmpo::emulator {

dim3 thread_index, block_index, block_size, grid_size;

namespace {

constexpr unsigned kWarp = 32;
constexpr unsigned kMostThreads = 1024;
constexpr size_t kStackBytes = size_t{64} << 10;

struct Settings {
  int64_t multiprocessors = 3;
  bool descending = false;
};
Settings settings;

// A stack and where its function stands. What runs on it is a loop over threads' kernels, so it is made once.
class Fiber {
 public:
  Fiber()
      : stack_(mmap(nullptr, kStackBytes + kGuardBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    // Stacks grow downwards: what overruns one meets a page that nobody may touch.
    if (stack_ == MAP_FAILED || mprotect(stack_, kGuardBytes, PROT_NONE) != 0) throw std::bad_alloc();
  }
  ~Fiber() { munmap(stack_, kStackBytes + kGuardBytes); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs it until it calls leave().
  void enter() {
    if (!started_) {
      getcontext(&own_);
      own_.uc_stack.ss_sp = static_cast<char*>(stack_) + kGuardBytes;
      own_.uc_stack.ss_size = kStackBytes;
      makecontext(&own_, &Fiber::loop, 0);
      started_ = true;
    }
#ifdef __SANITIZE_ADDRESS__
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, own_.uc_stack.ss_sp, own_.uc_stack.ss_size);
    swapcontext(&caller_, &own_);
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#else
    swapcontext(&caller_, &own_);
#endif
  }

  void leave() {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&fake_stack_, caller_stack_, caller_stack_bytes_);
    swapcontext(&own_, &caller_);
    __sanitizer_finish_switch_fiber(fake_stack_, &caller_stack_, &caller_stack_bytes_);
#else
    swapcontext(&own_, &caller_);
#endif
  }

  // What it was doing is forgotten.
  void restart() { started_ = false; }

 private:
  static constexpr size_t kGuardBytes = 4096;
  static void loop();

  void* stack_;
  bool started_ = false;
  ucontext_t own_{}, caller_{};
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack_ = nullptr;
  const void* caller_stack_ = nullptr;
  size_t caller_stack_bytes_ = 0;
#endif
};

struct Thread {
  Fiber fiber;
  bool done = false;
  // What it waits for to move on; null: nothing.
  const uint64_t* awaited = nullptr;
  uint64_t seen = 0;
};

// Values of one exchange stay until the one after the next: a thread may be ahead of another by one.
struct Meeting {
  std::array<uint64_t, kWarp> values[2] = {};
  Exchange kind = Exchange::kShuffle;
  unsigned arrived = 0;
  uint64_t round = 0;
};

struct Block {
  std::vector<std::unique_ptr<Thread>> threads;
  std::array<Meeting, kMostThreads / kWarp> warps;
  bool any[2] = {};
  unsigned arrived = 0;
  uint64_t round = 0;
  const std::function<void()>* kernel = nullptr;
  unsigned running = 0;
  // A thread's complaint; run() throws it on its own stack.
  std::string problem;
};
Block block;

Thread& self() { return *block.threads[block.running]; }

void wait_for(const uint64_t& round, uint64_t seen) {
  Thread& thread = self();
  thread.awaited = &round;
  thread.seen = seen;
  thread.fiber.leave();
}

void Fiber::loop() {
#ifdef __SANITIZE_ADDRESS__
  Fiber& fiber = self().fiber;
  __sanitizer_finish_switch_fiber(nullptr, &fiber.caller_stack_, &fiber.caller_stack_bytes_);
#endif
  for (;;) {
    (*block.kernel)();
    self().done = true;
    self().fiber.leave();
  }
}

bool may_run(const Thread& thread) {
  return !thread.done && (thread.awaited == nullptr || *thread.awaited != thread.seen);
}

[[noreturn]] void give_up(const std::string& problem) {
  for (const auto& thread : block.threads) thread->fiber.restart();
  throw std::logic_error("emulated CUDA: block (" + std::to_string(block_index.x) + ", " +
                         std::to_string(block_index.y) + "), " + problem);
}

int64_t launches = 0;

void run_block(unsigned num_threads) {
  for (unsigned i = 0; i < num_threads; ++i) {
    block.threads[i]->done = false;
    block.threads[i]->awaited = nullptr;
  }
  for (Meeting& warp : block.warps) warp = {};
  std::fill(__start_mmpo_emulated_shared, __stop_mmpo_emulated_shared, static_cast<char>(0xFF));
  block.arrived = 0;
  block.round = 0;
  unsigned num_done = 0;
  while (num_done < num_threads) {
    bool moved = false;
    for (unsigned i = 0; i < num_threads; ++i) {
      block.running = settings.descending ? num_threads - 1 - i : i;
      Thread& thread = self();
      if (!may_run(thread)) continue;
      moved = true;
      thread_index = {block.running, 0, 0};
      thread.awaited = nullptr;
      thread.fiber.enter();
      if (!block.problem.empty()) give_up(std::exchange(block.problem, {}));
      num_done += thread.done ? 1 : 0;
    }
    if (!moved)
      give_up(std::to_string(num_done) + " of " + std::to_string(num_threads) +
              " threads ended, and others wait for them at a barrier or an exchange");
  }
}

}  // namespace

void run(const dim3& grid, unsigned threads, const std::function<void()>& kernel) {
  if (threads == 0 || threads > kMostThreads || threads % kWarp != 0) {
    throw std::logic_error("emulated CUDA: " + std::to_string(threads) +
                           " threads in a block; whole warps are wanted, up to 1024");
  }
  while (block.threads.size() < threads) block.threads.push_back(std::make_unique<Thread>());
  ++launches;
  block.kernel = &kernel;
  grid_size = grid;
  block_size = {threads, 1, 1};
  const uint64_t num_blocks = uint64_t{grid.x} * grid.y;
  for (uint64_t i = 0; i < num_blocks; ++i) {
    const uint64_t number = settings.descending ? num_blocks - 1 - i : i;
    block_index = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x), 0};
    run_block(threads);
  }
}

int64_t num_launches() { return launches; }

int64_t multiprocessors() { return settings.multiprocessors; }

Device::Device(int64_t multiprocessors, bool descending) { settings = {multiprocessors, descending}; }
Device::~Device() { settings = {}; }

uint64_t exchange(Exchange kind, uint64_t value, unsigned from) {
  Meeting& warp = block.warps[block.running / kWarp];
  if (warp.arrived == 0) warp.kind = kind;
  if (warp.kind != kind) complain("threads of a warp meet at exchanges of different kinds");
  const uint64_t round = warp.round;
  auto& values = warp.values[round % 2];
  values[block.running % kWarp] = value;
  if (++warp.arrived < kWarp) {
    wait_for(warp.round, round);
  } else {
    warp.arrived = 0;
    ++warp.round;
  }
  return values[from % kWarp];
}

unsigned ballot(bool predicate) {
  const Meeting& warp = block.warps[block.running / kWarp];
  const uint64_t round = warp.round;
  exchange(Exchange::kBallot, predicate ? 1 : 0, 0);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane) bits |= static_cast<unsigned>(warp.values[round % 2][lane]) << lane;
  return bits;
}

bool barrier(bool predicate) {
  const uint64_t round = block.round;
  if (block.arrived == 0) block.any[round % 2] = false;
  block.any[round % 2] |= predicate;
  if (++block.arrived < block_size.x) {
    wait_for(block.round, round);
  } else {
    block.arrived = 0;
    ++block.round;
  }
  return block.any[round % 2];
}

void complain(const char* problem) { block.problem = problem; }

}  // namespace mmpo::emulator
