// Attention over packed segments and over a cache, against plain ATen in double with autograd. Rows that belong to no segment,
// and everything that is to be written, hold NaN: whatever reads or misses the wrong row shows.
#include "kernels/attention.h"

#include <cmath>
#include <limits>

#include "cuda/gpu_way.h"
#include "kernels/gpu_decode_attention.h"
#include "kernels/kernel_testing.h"
#include "kernels/varlen_attention.h"
#include "test_device.h"

namespace mmpo {
namespace {

using testing::expect_close;
using testing::expect_same_bits;
using testing::kTypes;
using testing::Threads;
using testing::Tolerance;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Shape {
  int64_t num_heads, num_kv_heads, head_dim;
  int64_t window = 0;

  AttentionShape attention() const { return {num_heads, num_kv_heads, head_dim, window}; }
  int64_t fused_columns() const { return (num_heads + 2 * num_kv_heads) * head_dim; }
  int64_t query_columns() const { return num_heads * head_dim; }
};

struct Group {
  int64_t prompt;
  std::vector<int64_t> completions;
};

// Around the sizes of the kernel's blocks: 64 queries, 64 keys.
const std::vector<Group> kGroups = {{1, {1, 1}},       {127, {63, 64}}, {128, {65, 1, 128}},
                                    {200, {129, 300}}, {65, {}},        {300, {2}}};

struct Packing {
  std::vector<Segment> segments;
  int64_t num_rows = 0;
};

// Groups in reverse order with rows of nobody around each one. apart: completions stand after all prompts, as those do that
// are only scored (forward alone allows that).
Packing pack(const std::vector<Group>& groups, bool apart) {
  constexpr int64_t gap = 3;
  Packing packing;
  int64_t row = gap;
  const auto add = [&](int64_t length, int64_t prefix_begin, int64_t prefix_length, int64_t group) {
    packing.segments.push_back({row, length, prefix_begin, prefix_length, group});
    row += length + (apart ? gap : 0);
  };
  std::vector<int64_t> prompt_begins(groups.size());
  const auto add_completions = [&](size_t group) {
    for (const int64_t length : groups[group].completions) {
      add(length, prompt_begins[group], groups[group].prompt, static_cast<int64_t>(group));
    }
  };
  for (size_t group = groups.size(); group-- > 0;) {
    prompt_begins[group] = row;
    add(groups[group].prompt, 0, 0, static_cast<int64_t>(group));
    if (!apart) add_completions(group);
    row += apart ? 0 : gap;
  }
  for (size_t group = 0; apart && group < groups.size(); ++group) add_completions(group);
  packing.num_rows = row + gap;
  return packing;
}

// Marks the rows of the segments with 1.
Tensor member_rows(const Packing& packing) {
  Tensor members_T = at::zeros({packing.num_rows}, at::kBool);
  for (const Segment& segment : packing.segments) members_T.narrow(0, segment.begin, segment.length).fill_(true);
  return members_T;
}

// A strided view whose surroundings, and rows outside the segments, are NaN.
Tensor poisoned_view(const Packing& packing, int64_t columns, at::ScalarType type, bool filled) {
  Tensor buffer = at::full({packing.num_rows, columns + 7}, kNan, at::kFloat);
  Tensor view = buffer.narrow(1, 5, columns);
  if (filled) {
    const Tensor outside_T1 = member_rows(packing).logical_not().unsqueeze(1);
    view.copy_(at::randn({packing.num_rows, columns}).masked_fill(outside_T1, kNan));
  }
  return buffer.to(type).narrow(1, 5, columns);
}

// [rows, heads * D] -> [query heads, rows, D], kv heads repeated.
Tensor split_heads(const Tensor& x, int64_t num_heads, int64_t repeats) {
  return x.unflatten(1, {num_heads, -1}).transpose(0, 1).repeat_interleave(repeats, 0);
}

struct Attended {
  Tensor out;  // [n, A]
  Tensor lse;  // [N, n]
};

// The definition: query i of the last n rows sees all but the last n - 1 - i keys, and of these the last `window`.
Attended attend(const Tensor& queries, const Tensor& keys, const Tensor& values, const Shape& shape) {
  const int64_t repeats = shape.num_heads / shape.num_kv_heads;
  const Tensor q = split_heads(queries, shape.num_heads, 1);
  const Tensor k = split_heads(keys, shape.num_kv_heads, repeats);
  const Tensor v = split_heads(values, shape.num_kv_heads, repeats);
  const int64_t hidden = keys.size(0) - queries.size(0);
  const Tensor all = at::ones({queries.size(0), keys.size(0)}, at::kBool);
  Tensor masked = all.triu(hidden + 1);
  if (shape.window != 0) masked = masked.logical_or(all.tril(hidden - shape.window));
  const Tensor scores =
      (q.matmul(k.transpose(1, 2)) / std::sqrt(static_cast<double>(shape.head_dim))).masked_fill(masked, -INFINITY);
  return {scores.softmax(-1).matmul(v).transpose(0, 1).flatten(1), scores.logsumexp(-1)};
}

// Every segment by the definition; rows outside are NaN.
struct Oracle {
  Tensor qkv_TQ, out_TA, lse_NT;

  Oracle(const Tensor& qkv, const Packing& packing, const Shape& shape)
      : qkv_TQ(testing::oracle(qkv)), out_TA(at::full({packing.num_rows, shape.query_columns()}, kNan, at::kDouble)),
        lse_NT(at::full({shape.num_heads, packing.num_rows}, kNan, at::kDouble)) {
    const int64_t kv = shape.num_kv_heads * shape.head_dim;
    for (const Segment& segment : packing.segments) {
      const Tensor own = qkv_TQ.narrow(0, segment.begin, segment.length);
      const Tensor seen = at::cat({qkv_TQ.narrow(0, segment.prefix_begin, segment.prefix_length), own});
      const Attended attended =
          attend(own.narrow(1, 0, shape.query_columns()), seen.narrow(1, shape.query_columns(), kv),
                 seen.narrow(1, shape.query_columns() + kv, kv), shape);
      out_TA.narrow(0, segment.begin, segment.length).copy_(attended.out);
      lse_NT.narrow(1, segment.begin, segment.length).copy_(attended.lse);
    }
  }
};

// Equal where the reference is a number, still NaN where nothing was to be written.
void expect_rows(const Tensor& found, const Tensor& expected, const Tensor& members_T, Tolerance limit,
                 const char* what) {
  expect_close(found.index({members_T}), expected.detach().index({members_T}), limit, what);
  EXPECT_TRUE(found.index({members_T.logical_not()}).isnan().all().item<bool>())
      << what << ": written outside the segments";
}

// bfloat16: matrix units read probabilities rounded by 2^-9, which is that part of values of about 1.
Tolerance out_tolerance(at::ScalarType type) {
  return type == at::kFloat ? Tolerance{2e-6, 2e-6} : Tolerance{1.0 / 256, 4e-3};
}

// bfloat16: the row sums grad . out see `out` as it was rounded, 2^-9 of it, in each of D terms.
Tolerance gradient_tolerance(at::ScalarType type) {
  return type == at::kFloat ? Tolerance{5e-6, 1e-5} : Tolerance{1.0 / 128, 2e-2};
}

class AttentionTest : public ::testing::TestWithParam<Shape> {
 protected:
  void SetUp() override { at::manual_seed(3); }
};

struct Forward {
  Tensor out_TA, lse_NT;

  Forward(const Tensor& qkv_TQ, const Packing& packing, const Shape& shape)
      : out_TA(poisoned_view(packing, shape.query_columns(), qkv_TQ.scalar_type(), false)),
        lse_NT(at::full({shape.num_heads, packing.num_rows}, kNan, at::kFloat)) {
    attention(qkv_TQ, packing.segments, shape.attention(), out_TA, lse_NT);
  }
};

TEST_P(AttentionTest, ForwardEqualsTheDefinition) {
  for (const auto type : kTypes) {
    for (const bool apart : {false, true}) {
      SCOPED_TRACE(::testing::Message() << type << " apart " << apart);
      const Packing packing = pack(kGroups, apart);
      const Tensor qkv_TQ = poisoned_view(packing, GetParam().fused_columns(), type, true);
      const Forward found(qkv_TQ, packing, GetParam());
      const Oracle oracle(qkv_TQ, packing, GetParam());
      const Tensor members_T = member_rows(packing);
      expect_rows(found.out_TA, oracle.out_TA, members_T, out_tolerance(type), "out");
      expect_rows(found.lse_NT.t(), oracle.lse_NT.t(), members_T, {1e-6, 1e-6}, "lse");
    }
  }
}

TEST_P(AttentionTest, BackwardEqualsAutogradOfTheDefinition) {
  for (const auto type : kTypes) {
    SCOPED_TRACE(type);
    const Packing packing = pack(kGroups, false);
    const Tensor qkv_TQ = poisoned_view(packing, GetParam().fused_columns(), type, true);
    const Tensor grad_out_TA = poisoned_view(packing, GetParam().query_columns(), type, true);
    const Forward forward(qkv_TQ, packing, GetParam());
    Tensor grad_qkv_TQ = poisoned_view(packing, GetParam().fused_columns(), type, false);
    Workspace workspace;
    // Scratch memory is not zero to begin with.
    workspace.allocate({int64_t{4} << 20}, at::kFloat).fill_(kNan);
    workspace.reset();
    attention_backward(grad_out_TA, qkv_TQ, forward.out_TA, forward.lse_NT, packing.segments, GetParam().attention(),
                       workspace, grad_qkv_TQ);
    const Oracle oracle(qkv_TQ, packing, GetParam());
    const Tensor members_T = member_rows(packing);
    oracle.out_TA.index({members_T}).backward(grad_out_TA.index({members_T}).to(at::kDouble));
    expect_rows(grad_qkv_TQ, oracle.qkv_TQ.grad(), members_T, gradient_tolerance(type), "grad");
  }
}

TEST_P(AttentionTest, SameBitsForAnyNumberOfThreads) {
  for (const auto type : kTypes) {
    const Packing packing = pack(kGroups, false);
    const Tensor members_T = member_rows(packing);
    const Tensor qkv_TQ = poisoned_view(packing, GetParam().fused_columns(), type, true);
    const Tensor grad_out_TA = poisoned_view(packing, GetParam().query_columns(), type, true);
    const auto run = [&](int num_threads) {
      const Threads threads(num_threads);
      Workspace workspace;
      const Forward forward(qkv_TQ, packing, GetParam());
      Tensor grad_qkv_TQ = poisoned_view(packing, GetParam().fused_columns(), type, false);
      attention_backward(grad_out_TA, qkv_TQ, forward.out_TA, forward.lse_NT, packing.segments, GetParam().attention(),
                         workspace, grad_qkv_TQ);
      return at::cat({forward.out_TA.index({members_T}), grad_qkv_TQ.index({members_T})}, 1);
    };
    const Tensor one = run(1);
    expect_same_bits(one, run(2), "2 threads");
    expect_same_bits(one, run(3), "3 threads");
  }
}

TEST_P(AttentionTest, CachedDecodingEqualsTheDefinition) {
  const Shape& shape = GetParam();
  const std::vector<DecodeRow> rows = {{3, 65}, {0, 1}, {1, 200}, {4, 64}};
  for (const auto type : kTypes) {
    SCOPED_TRACE(type);
    const int64_t kv = shape.num_kv_heads * shape.head_dim;
    // What lies past a sequence's keys is NaN.
    Tensor keys_SLK = at::full({5, 201, kv}, kNan, at::kFloat).to(type);
    Tensor values_SLK = keys_SLK.clone();
    for (const DecodeRow& row : rows) {
      keys_SLK[row.sequence].narrow(0, 0, row.num_keys).copy_(at::randn({row.num_keys, kv}));
      values_SLK[row.sequence].narrow(0, 0, row.num_keys).copy_(at::randn({row.num_keys, kv}));
    }
    const auto count = static_cast<int64_t>(rows.size());
    const Tensor qkv_nQ = testing::random_view(count, shape.fused_columns(), type);
    Tensor out_nA =
        at::full({count, shape.query_columns() + 3}, kNan, at::kFloat).to(type).narrow(1, 2, shape.query_columns());
    decode_attention(qkv_nQ, keys_SLK, values_SLK, rows, shape.attention(), out_nA);
    // By products, and by flash attention where it takes the heads: the GPU's, or a stand-in.
    const at::Device device = testing::test_device();
    std::vector<Tensor> gpu_outs_nA;
    for (const bool may_be_flash : {false, true}) {
      const testing::GpuWay way(!cuda_is_built());
      const bool is_flash = may_be_flash && VarlenAttention::is_flash(device, type, shape.attention());
      gpu_decode_attention(qkv_nQ.contiguous().to(device), keys_SLK.to(device), values_SLK.to(device),
                           GpuDecodeRows(rows, 201, shape.window, is_flash, device), shape.attention(),
                           gpu_outs_nA.emplace_back());
      gpu_outs_nA.back() = gpu_outs_nA.back().cpu();
    }
    for (int64_t n = 0; n < count; ++n) {
      const DecodeRow& row = rows[static_cast<size_t>(n)];
      const auto seen = [&](const Tensor& cache) {
        return cache[row.sequence].narrow(0, 0, row.num_keys).to(at::kDouble);
      };
      const Tensor query = qkv_nQ.narrow(0, n, 1).narrow(1, 0, shape.query_columns()).to(at::kDouble);
      const Attended expected = attend(query, seen(keys_SLK), seen(values_SLK), shape);
      expect_close(out_nA.narrow(0, n, 1), expected.out, out_tolerance(type), "out");
      for (const Tensor& gpu_out_nA : gpu_outs_nA) {
        expect_close(gpu_out_nA.narrow(0, n, 1), expected.out, out_tolerance(type), "out of the GPU's form");
      }
    }
  }
}

// Scores of some thousands: exp of them is beyond float32, so the running maximum has to carry them.
TEST_P(AttentionTest, LargeScoresDoNotOverflow) {
  const Packing packing = pack({{130, {70}}}, false);
  Tensor qkv_TQ = poisoned_view(packing, GetParam().fused_columns(), at::kFloat, true);
  qkv_TQ.narrow(1, 0, GetParam().query_columns()).mul_(1000);
  const Forward found(qkv_TQ, packing, GetParam());
  const Oracle oracle(qkv_TQ, packing, GetParam());
  // A score's own rounding, some 1e-7 of thousands, is the error of its probability.
  expect_rows(found.out_TA, oracle.out_TA, member_rows(packing), {5e-3, 5e-3}, "out");
  expect_rows(found.lse_NT.t(), oracle.lse_NT.t(), member_rows(packing), {1e-6, 1e-3}, "lse");
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest,
                         ::testing::Values(Shape{1, 1, 8}, Shape{6, 2, 10}, Shape{3, 3, 16}, Shape{8, 1, 64},
                                           Shape{3, 1, 128}, Shape{6, 2, 10, 1}, Shape{3, 3, 16, 24},
                                           Shape{3, 1, 64, 64}, Shape{2, 1, 32, 129}),
                         [](const auto& test) {
                           return std::to_string(test.param.num_heads) + "over" +
                                  std::to_string(test.param.num_kv_heads) + "of" + std::to_string(test.param.head_dim) +
                                  (test.param.window == 0 ? "" : "window" + std::to_string(test.param.window));
                         });

}  // namespace
}  // namespace mmpo
