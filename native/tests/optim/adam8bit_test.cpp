#include "optim/adam8bit.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/backend.h"
#include "kernels/dispatch.h"
#include "optim/code_book.h"
#include "optim/golden_arrays.h"
#include "shared.h"

namespace mmpo {
namespace {

using nlohmann::json;
using testing::backend;
using testing::decode;

class Adam8bitTest : public testing::KernelTest {};

constexpr AdamWSettings kSettings{.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};

struct State {
  std::vector<float> param, grad;
  std::vector<uint8_t> exp_avg, exp_avg_sq;
  std::vector<float> absmax, absmax_sq;
  std::vector<c10::BFloat16> bf16;

  explicit State(std::vector<float> initial)
      : param(std::move(initial)), grad(param.size()), exp_avg(param.size()), exp_avg_sq(param.size()),
        absmax((param.size() + 255) / 256), absmax_sq(absmax.size()), bf16(param.size()) {}

  // Values between -1 and 1 that repeat after 1,009 elements.
  static State waves(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.0f + static_cast<float>(i % 1009));
    State state(values);
    state.set_gradient(0);
    return state;
  }

  void set_gradient(int t) {
    for (size_t i = 0; i < grad.size(); ++i) grad[i] = std::cos(static_cast<float>(i % 997) + static_cast<float>(t));
  }

  void step(int64_t t, double learning_rate = 1e-3, const AdamWSettings& settings = kSettings, double clip = 1) {
    backend().adam8bit_step({param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), absmax.data(),
                             absmax_sq.data(), bf16.data(), static_cast<int64_t>(param.size())},
                            settings, learning_rate, t, clip);
  }

  bool operator==(const State& other) const {
    return param == other.param && exp_avg == other.exp_avg && exp_avg_sq == other.exp_avg_sq &&
           absmax == other.absmax && absmax_sq == other.absmax_sq;
  }
};

// Without others the bfloat16 weights are what is trained: read, moved, and rounded where they lie.
TEST_P(Adam8bitTest, TrainsBfloat16WeightsThatHaveNoMasters) {
  for (const int64_t count : {1, 255, 256, 257, 40001}) {
    State wide = State::waves(count);
    for (size_t i = 0; i < wide.param.size(); ++i) {
      wide.bf16[i] = wide.param[i];
      wide.param[i] = static_cast<float>(wide.bf16[i]);
    }
    State narrow = wide;
    wide.step(1, 1e-2);
    backend().adam8bit_step({nullptr, narrow.grad.data(), narrow.exp_avg.data(), narrow.exp_avg_sq.data(),
                             narrow.absmax.data(), narrow.absmax_sq.data(), narrow.bf16.data(), count},
                            kSettings, 1e-2, 1, 1);
    EXPECT_EQ(narrow.exp_avg, wide.exp_avg);
    for (size_t i = 0; i < wide.param.size(); ++i) ASSERT_EQ(narrow.bf16[i].x, wide.bf16[i].x) << i << " of " << count;
  }
}

// What bitsandbytes' CUDA kernel computes, in plain float32: parameters, scales and codes to the bit.
TEST_P(Adam8bitTest, TwentyGoldenStepsToTheBit) {
  MMPO_READ_SHARED_JSON(golden, "golden/adam8bit.json");
  std::vector<std::vector<float>> basis;
  for (const json& values : golden["grad_basis"]) basis.push_back(decode<float, float>(values));
  State state(decode<float, float>(golden["initial_param"]));
  int num_compared = 0;
  for (int t = 1; t <= 20; ++t) {
    const auto index = static_cast<size_t>(t - 1);
    const float scale = golden["grad_scale"][index].get<float>();
    for (size_t i = 0; i < state.grad.size(); ++i) state.grad[i] = basis[index % 5][i] * scale;
    state.step(t);
    const std::string key = std::to_string(t);
    if (!golden["after_step"].contains(key)) continue;
    SCOPED_TRACE("after step " + key);
    const json& wanted = golden["after_step"][key];
    EXPECT_EQ(state.param, (decode<float, float>(wanted["param"])));
    EXPECT_EQ(state.exp_avg, (decode<uint8_t, uint8_t>(wanted["state1"])));
    EXPECT_EQ(state.exp_avg_sq, (decode<uint8_t, uint8_t>(wanted["state2"])));
    EXPECT_EQ(state.absmax, (decode<float, float>(wanted["absmax1"])));
    EXPECT_EQ(state.absmax_sq, (decode<float, float>(wanted["absmax2"])));
    ++num_compared;
  }
  EXPECT_EQ(num_compared, 5);
}

// The same blocks, whatever the length and wherever a vector ends.
TEST_P(Adam8bitTest, EveryLengthHasTheBitsOfItsBlocks) {
  for (const int64_t count : {1, 3, 7, 15, 17, 47, 123, 255, 256, 257, 300, 511, 4096, 4196}) {
    State whole = State::waves(count);
    State blocks = State::waves(count);
    for (int t = 1; t <= 3; ++t) {
      whole.set_gradient(t);
      blocks.set_gradient(t);
      whole.step(t);
      for (int64_t begin = 0; begin < count; begin += 256) {
        const int64_t block = begin / 256;
        backend().adam8bit_step({blocks.param.data() + begin, blocks.grad.data() + begin, blocks.exp_avg.data() + begin,
                                 blocks.exp_avg_sq.data() + begin, blocks.absmax.data() + block,
                                 blocks.absmax_sq.data() + block, nullptr, std::min<int64_t>(256, count - begin)},
                                kSettings, 1e-3, t, 1);
      }
    }
    EXPECT_TRUE(whole == blocks) << count;
  }
}

TEST_P(Adam8bitTest, TheFirstStepIsThatOfAdamW) {
  // Derived by hand: at t = 1 with zero moments m / sqrt(v) is sign(grad), the decay comes after: (1 - 0.1) * (1 - 0.1 * 0.01).
  State state({1.0f});
  state.grad = {5.0f};
  state.step(1, 0.1);
  // 1 - 0.999 in float32 is off by 1.3e-5 of itself, as in bitsandbytes.
  EXPECT_NEAR(state.param[0], 0.9 * 0.999, 1e-6);
  EXPECT_NEAR(state.absmax[0], 0.5, 1e-6);
  EXPECT_NEAR(state.absmax_sq[0], 0.025, 4e-7);
  EXPECT_EQ(signed_code_book().value[state.exp_avg[0]], 1.0f);
  EXPECT_EQ(unsigned_code_book().value[state.exp_avg_sq[0]], 1.0f);
}

// Rounded moments lead elsewhere, but not far: within a few learning rates of AdamW's path.
TEST_P(Adam8bitTest, StaysNearAdamWForAHundredSteps) {
  const int64_t count = 5000;
  State state = State::waves(count);
  std::vector<float> param = state.param, grad(param.size()), exp_avg(param.size()), exp_avg_sq(param.size());
  for (int t = 1; t <= 100; ++t) {
    state.set_gradient(t % 7);
    grad = state.grad;
    state.step(t);
    adamw_step(AdamWShard<float>{param.data(), grad.data(), exp_avg.data(), exp_avg_sq.data(), nullptr, count},
               kSettings, 1e-3, t, 1);
  }
  double sum = 0, moved = 0;
  const State start = State::waves(count);
  for (size_t i = 0; i < param.size(); ++i) {
    sum += std::pow(state.param[i] - param[i], 2);
    moved += std::pow(start.param[i] - param[i], 2);
  }
  EXPECT_LT(std::sqrt(sum / moved), 0.1);
  EXPECT_GT(std::sqrt(moved / count), 0.005);
}

TEST_P(Adam8bitTest, ZeroGradientsAndBlocksOfZerosAreSafe) {
  State state = State::waves(600);
  const State before = state;
  AdamWSettings settings = kSettings;
  settings.weight_decay = 0;
  for (const float zero : {0.0f, -0.0f}) {
    for (int t = 1; t <= 3; ++t) {
      state.grad.assign(600, zero);
      state.step(t, 1e-3, settings);
      EXPECT_EQ(state.param, before.param);
    }
  }
  EXPECT_EQ(state.absmax, std::vector<float>(3));
  EXPECT_EQ(state.absmax_sq, std::vector<float>(3));
  state.set_gradient(4);
  state.step(4, 1e-3, settings);
  for (const float value : state.param) EXPECT_TRUE(std::isfinite(value));
  // An element beside others that move: it has no gradient, and does not move.
  State one({1.0f, 1.0f});
  for (int t = 1; t <= 5; ++t) {
    one.grad = {1.0f, -0.0f};
    one.step(t, 1e-3, settings);
  }
  EXPECT_LT(one.param[0], 1.0f);
  EXPECT_EQ(one.param[1], 1.0f);
}

// Trainer::step refuses such a gradient before any optimizer sees it; alone, the kernel leaves the element out.
TEST_P(Adam8bitTest, AnElementWithoutAFiniteGradientStays) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1e30f}) {
    State state = State::waves(300);
    state.grad[17] = bad;
    const float before = state.param[17];
    state.step(1);
    EXPECT_EQ(state.param[17], before);
    EXPECT_EQ(unsigned_code_book().value[state.exp_avg_sq[17]], 0.0f);
    state.set_gradient(2);
    state.step(2);
    for (const float value : state.param) ASSERT_TRUE(std::isfinite(value));
    EXPECT_NE(state.param[17], before);
  }
}

TEST_P(Adam8bitTest, ATinyNegativeMomentIsNotZero) {
  State state({0.0f, 0.0f, 0.0f});
  state.grad = {1.0f, -1e-9f, 1e-9f};
  state.step(1);
  EXPECT_LT(signed_code_book().value[state.exp_avg[1]], 0.0f);
  EXPECT_EQ(signed_code_book().value[state.exp_avg[2]], 0.0f);
}

TEST_P(Adam8bitTest, ClipsAndRoundsTheCopy) {
  State clipped = State::waves(1000);
  State scaled = State::waves(1000);
  for (float& value : scaled.grad) value *= 0.25f;
  clipped.step(1, 1e-3, kSettings, 0.25);
  scaled.step(1);
  scaled.grad = clipped.grad;
  EXPECT_TRUE(clipped == scaled);
  for (size_t i = 0; i < 1000; ++i)
    EXPECT_EQ(static_cast<float>(clipped.bf16[i]), static_cast<float>(c10::BFloat16(clipped.param[i])));
}

TEST_P(Adam8bitTest, HasTheSameBitsForOneAndTwoThreads) {
  State one = State::waves(100003);
  State two = State::waves(100003);
  {
    const auto scope = backend().variant(1);
    one.step(1);
  }
  const auto scope = backend().variant(2);
  two.step(1);
  EXPECT_TRUE(one == two);
}

// Of libmmpo's kernel for this processor, which the golden steps hold to bitsandbytes. The gradient changes its sign, so that
// moments shrink faster than a scale of elements that are not there would.
TEST_P(Adam8bitTest, HasTheBitsOfTheCpu) {
  for (const int64_t count : {31, 256, 5003}) {
    State found = State::waves(count);
    State wanted = State::waves(count);
    for (int t = 1; t <= 10; ++t) {
      found.set_gradient(t / 3);
      if (t % 3 == 2) {
        for (float& value : found.grad) value *= -0.9f;
      }
      wanted.grad = found.grad;
      found.step(t, 1e-3, kSettings, 0.7);
      adam8bit_step({wanted.param.data(), wanted.grad.data(), wanted.exp_avg.data(), wanted.exp_avg_sq.data(),
                     wanted.absmax.data(), wanted.absmax_sq.data(), wanted.bf16.data(), count},
                    kSettings, 1e-3, t, 0.7);
    }
    EXPECT_TRUE(found == wanted) << count;
  }
}

MMPO_ON_EVERY_BACKEND(Adam8bitTest);

// A code book that ends where memory that may not be read begins.
class GuardedBook {
 public:
  explicit GuardedBook(const CodeBook& book) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t readable = (sizeof(CodeBook) + page - 1) / page * page;
    size_ = readable + page;
    memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory_, MAP_FAILED);
    char* end = static_cast<char*>(memory_) + readable;
    EXPECT_EQ(mprotect(end, page, PROT_NONE), 0);
    book_ = new (end - sizeof(CodeBook)) CodeBook(book);
  }
  ~GuardedBook() { munmap(memory_, size_); }
  GuardedBook(const GuardedBook&) = delete;
  GuardedBook& operator=(const GuardedBook&) = delete;
  const CodeBook& operator*() const { return *book_; }

 private:
  void* memory_;
  size_t size_;
  const CodeBook* book_;
};

// Moments that shrink: whatever stands behind a short block's end is larger than the block's new scale.
TEST(Adam8bit, AShortBlockReadsNothingBehindTheBook) {
  const GuardedBook first(signed_code_book()), second(unsigned_code_book());
  State state = State::waves(31);
  for (int t = 1; t <= 3; ++t) {
    const Adam8bitArrays arrays{state.param.data(),
                                state.grad.data(),
                                state.exp_avg.data(),
                                state.exp_avg_sq.data(),
                                state.absmax.data(),
                                state.absmax_sq.data(),
                                nullptr,
                                31};
    with_cpu_capability([&]<typename Capability>(Capability) {
      CpuAdam8bit<typename Capability::type>::step(arrays, adam8bit_scalars(kSettings, 1e-3, t, 1), *first, *second);
    });
    EXPECT_GT(state.absmax[0], 0);
  }
}

}  // namespace
}  // namespace mmpo
