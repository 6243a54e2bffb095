// The packed micro-batch as one variable-length problem against attention.h's kernels, which have tests of their own against
// autograd. On a GPU this is flash attention where it takes the shape; here its gathering and adding up, around plain products and
// around a stand-in for flash attention.
#include <limits>

#include "cuda/gpu_way.h"
#include "kernels/attention_plan.h"
#include "kernels/kernel_testing.h"
#include "test_device.h"

namespace mmpo {
namespace {

using testing::expect_close;
using testing::kTypes;
using testing::test_device;
using testing::Tolerance;

struct Group {
  int64_t prompt;
  std::vector<int64_t> graded, scored;
};

struct Packing {
  std::vector<Segment> segments;
  size_t num_graded_segments = 0;
  int64_t num_rows = 0;
  int64_t num_graded_rows = 0;
};

// As PackedBatch lays them out: prompts with what is graded, then what is only scored.
Packing pack(const std::vector<Group>& groups) {
  Packing packing;
  std::vector<int64_t> prompt_begins;
  const auto add = [&](int64_t length, int64_t prefix_begin, int64_t prefix_length, size_t group) {
    packing.segments.push_back({packing.num_rows, length, prefix_begin, prefix_length, static_cast<int64_t>(group)});
    packing.num_rows += length;
  };
  for (size_t g = 0; g < groups.size(); ++g) {
    prompt_begins.push_back(packing.num_rows);
    add(groups[g].prompt, 0, 0, g);
    for (const int64_t length : groups[g].graded) add(length, prompt_begins[g], groups[g].prompt, g);
  }
  packing.num_graded_rows = packing.num_rows;
  packing.num_graded_segments = packing.segments.size();
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const int64_t length : groups[g].scored) add(length, prompt_begins[g], groups[g].prompt, g);
  }
  return packing;
}

Tolerance limit(at::ScalarType type) { return type == at::kFloat ? Tolerance{1e-5, 1e-5} : Tolerance{1.0 / 64, 3e-2}; }

// Flash attention rounds the gradients of a key head from each of its query heads to bfloat16 before it adds them up: half a unit of
// the ninth bit for each, of numbers that may be as large as the sum's largest though they cancel.
Tolerance gradient_limit(at::ScalarType type, const AttentionShape& shape, const Tensor& expected) {
  Tolerance limit = mmpo::limit(type);
  const int64_t shared = shape.num_heads / shape.num_kv_heads;
  if (type == at::kBFloat16 && shared > 1) {
    limit.absolute += static_cast<double>(shared) / 512 * expected.abs().max().item<double>();
  }
  return limit;
}

struct Case {
  const char* name;
  std::vector<Group> groups;
};

void expect_equals_the_segments_kernels(const std::vector<Group>& groups, bool gpu_way) {
  at::manual_seed(5);
  const Packing packing = pack(groups);
  for (const AttentionShape shape :
       {AttentionShape{6, 2, 10}, AttentionShape{4, 4, 16}, AttentionShape{8, 1, 64}, AttentionShape{4, 2, 16, 9},
        AttentionShape{6, 2, 80}, AttentionShape{3, 3, 96}, AttentionShape{8, 2, 128}}) {
    for (const auto type : kTypes) {
      SCOPED_TRACE(::testing::Message() << type << " heads of " << shape.head_dim << " window " << shape.window);
      const int64_t fused = (shape.num_heads + 2 * shape.num_kv_heads) * shape.head_dim;
      const int64_t queries = shape.num_heads * shape.head_dim;
      const auto unset = [&](at::IntArrayRef sizes, at::ScalarType dtype, at::Device device) {
        return at::full(sizes, std::numeric_limits<double>::quiet_NaN(),
                        at::TensorOptions().dtype(dtype).device(device));
      };
      const Tensor qkv = at::randn({packing.num_rows, fused}).to(type);
      const Tensor grad_out = at::randn({packing.num_graded_rows, queries}).to(type);
      // By the kernels.
      Tensor expected_out = unset({packing.num_rows, queries}, type, at::kCPU);
      Tensor expected_lse = unset({shape.num_heads, packing.num_rows}, at::kFloat, at::kCPU);
      attention(qkv, packing.segments, shape, expected_out, expected_lse);
      const std::span<const Segment> graded(packing.segments.data(), packing.num_graded_segments);
      const auto prefix = [&](const Tensor& x) { return x.narrow(0, 0, packing.num_graded_rows); };
      Tensor expected_grad = unset({packing.num_graded_rows, fused}, type, at::kCPU);
      Workspace workspace;
      attention_backward(grad_out, prefix(qkv), prefix(expected_out), expected_lse, graded, shape, workspace,
                         expected_grad);
      // As one problem.
      const testing::GpuWay way(gpu_way);
      const at::Device device = test_device();
      const Tensor there = qkv.to(device);
      Tensor out, lse;
      VarlenAttention(packing.segments, device).forward(there, shape, out, lse);
      Tensor grad = unset(expected_grad.sizes(), type, device);
      VarlenAttention(graded, device).backward(grad_out.to(device), prefix(there), prefix(out), lse, shape, grad);
      expect_close(out.cpu(), expected_out, limit(type), "out");
      expect_close(lse.cpu(), expected_lse, {1e-5, 1e-5}, "lse");
      expect_close(grad.cpu(), expected_grad, gradient_limit(type, shape, expected_grad), "grad");
    }
  }
}

class VarlenAttentionTest : public ::testing::TestWithParam<Case> {};

TEST_P(VarlenAttentionTest, EqualsTheSegmentsKernels) { expect_equals_the_segments_kernels(GetParam().groups, false); }

TEST_P(VarlenAttentionTest, EqualsTheSegmentsKernelsAroundAStandInForFlashAttention) {
  if (cuda_is_built()) GTEST_SKIP() << "this program has the CUDA side itself: MMPO_TEST_DEVICE=cuda runs it";
  expect_equals_the_segments_kernels(GetParam().groups, true);
}

INSTANTIATE_TEST_SUITE_P(Layouts, VarlenAttentionTest,
                         ::testing::Values(Case{"PromptsAlone", {{1, {}, {}}, {70, {}, {}}}},
                                           Case{"OneCompletion", {{3, {5}, {}}, {64, {31}, {}}}},
                                           Case{"Pairs", {{17, {9, 40}, {}}, {1, {1, 1}, {}}, {66, {2, 3}, {}}}},
                                           Case{"ScoredRejected", {{17, {9}, {40}}, {1, {1}, {1}}, {66, {2}, {3}}}},
                                           Case{"ManyCompletions",
                                                {{12, {4, 1, 7, 30}, {2, 2}}, {5, {}, {3, 4}}, {8, {6}, {}}}},
                                           Case{"NoRowButThePrompts", {{12, {}, {3}}, {7, {4, 4}, {}}}}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(VarlenAttention, SaysWhyFlashAttentionIsNotTaken) {
  const at::Device gpu(at::kCUDA, 0);
  const auto text = [](at::Device device, at::ScalarType type, int64_t head_dim) {
    return std::string(describe_attention(device, type, {8, 1, head_dim}));
  };
  EXPECT_EQ(text(at::kCPU, at::kBFloat16, 64), "flash attention by segments, on the CPU");
  EXPECT_EQ(text(gpu, at::kBFloat16, 64), "FlashAttention-2, one variable-length call for a micro-batch");
  EXPECT_NE(text(gpu, at::kFloat, 64).find("takes bfloat16, not float32"), std::string::npos);
  for (const int64_t other : {10, 264}) {
    EXPECT_NE(text(gpu, at::kBFloat16, other).find("a multiple of 8 elements"), std::string::npos);
  }
}

}  // namespace
}  // namespace mmpo
