// The chunked head against ATen in double, in one chunk and in many.
#include "logprob/linear_logp.h"

#include "kernels/gemm.h"
#include "kernels/kernel_testing.h"

namespace mmpo {
namespace {

using testing::expect_close;
using testing::expect_same_bits;
using testing::kTypes;
using testing::Tolerance;

// Chunks of this many rows; the last of 77 rows at 10 a chunk are fewer.
constexpr int64_t kRowsOfOneChunk[] = {1, 10, 64, 1000};
constexpr int64_t kRows = 77;
constexpr int64_t kHidden = 36;
constexpr int64_t kVocabulary = 523;

struct Case {
  HeadRows rows;
  Tensor head_VH, weights_R;

  explicit Case(at::ScalarType type)
      : rows{testing::random({kRows, kHidden}, type), at::randint(kVocabulary, {kRows})},
        head_VH((at::randn({kVocabulary, kHidden}) * 0.3).to(type)), weights_R(at::randn({kRows})) {
    weights_R[3] = 0;
  }

  int64_t bytes(int64_t num_rows) const {
    return num_rows * kVocabulary * static_cast<int64_t>(head_VH.element_size());
  }
};

struct Outputs {
  Tensor lse_R, logp_R, grad_hidden_RH, grad_head_VH;

  explicit Outputs(const Case& c)
      : lse_R(at::full({kRows}, NAN, at::kFloat)), logp_R(lse_R.clone()),
        grad_hidden_RH(at::full({kRows, kHidden}, NAN, c.head_VH.options())),
        grad_head_VH(at::ones({kVocabulary, kHidden}, at::kFloat)) {}
};

Outputs in_two_passes(const Case& c, int64_t rows_of_chunk) {
  Outputs out(c);
  Workspace workspace;
  LinearLogp head(c.rows, c.head_VH, workspace, c.bytes(rows_of_chunk));
  head.forward(out.lse_R, out.logp_R);
  head.backward(out.lse_R, c.weights_R, out.grad_hidden_RH, out.grad_head_VH);
  return out;
}

Outputs in_one_pass(const Case& c, int64_t rows_of_chunk) {
  Outputs out(c);
  Workspace workspace;
  LinearLogp(c.rows, c.head_VH, workspace, c.bytes(rows_of_chunk))
      .forward_backward(c.weights_R, out.logp_R, out.grad_hidden_RH, out.grad_head_VH);
  return out;
}

class LinearLogpTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { at::manual_seed(17); }
};

TEST_P(LinearLogpTest, EqualsLogSoftmaxOfTheProductInDouble) {
  for (const auto type : kTypes) {
    SCOPED_TRACE(type);
    const Case c(type);
    const Tensor hidden = testing::oracle(c.rows.hidden_RH);
    const Tensor head = testing::oracle(c.head_VH);
    const Tensor logp_R = hidden.mm(head.t()).log_softmax(-1).gather(-1, c.rows.targets_R.unsqueeze(-1)).squeeze(-1);
    (c.weights_R.to(at::kDouble) * logp_R).sum().backward();
    // bfloat16: logits of up to 8 are rounded by 2^-9 of themselves, and so is their gradient.
    const bool is_float = type == at::kFloat;
    const Tolerance value = is_float ? Tolerance{1e-6, 2e-6} : Tolerance{0, 3e-2};
    const Tolerance gradient = is_float ? Tolerance{2e-5, 2e-6} : Tolerance{3e-2, 3e-2};
    for (const Outputs& found : {in_two_passes(c, GetParam()), in_one_pass(c, GetParam())}) {
      expect_close(found.logp_R, logp_R, value, "logp");
      expect_close(found.grad_hidden_RH, hidden.grad(), gradient, "grad_hidden");
      // One more: it is added to.
      expect_close(found.grad_head_VH, head.grad() + 1, gradient, "grad_head");
    }
  }
}

TEST_P(LinearLogpTest, OnePassEqualsTwo) {
  for (const auto type : kTypes) {
    const Case c(type);
    const Outputs one = in_one_pass(c, GetParam());
    const Outputs two = in_two_passes(c, GetParam());
    expect_same_bits(one.logp_R, two.logp_R, "logp");
    expect_same_bits(one.grad_hidden_RH, two.grad_hidden_RH, "grad_hidden");
    expect_same_bits(one.grad_head_VH, two.grad_head_VH, "grad_head");
  }
}

// What chunks change is the order of sums, never a chunk's own values.
TEST_P(LinearLogpTest, ChunksEqualOneChunk) {
  for (const auto type : kTypes) {
    SCOPED_TRACE(type);
    const Case c(type);
    const Outputs whole = in_two_passes(c, kRows);
    const Outputs chunked = in_two_passes(c, GetParam());
    const Tolerance rounding = type == at::kFloat ? Tolerance{1e-6, 5e-6} : Tolerance{1.0 / 128, 2e-3};
    const Tolerance logit_rounding = type == at::kFloat ? Tolerance{1e-6, 1e-6} : Tolerance{0, 3e-2};
    expect_close(chunked.logp_R, whole.logp_R, logit_rounding, "logp");
    expect_close(chunked.grad_hidden_RH, whole.grad_hidden_RH, rounding, "grad_hidden");
    expect_close(chunked.grad_head_VH, whole.grad_head_VH, rounding, "grad_head");
  }
}

TEST_P(LinearLogpTest, MarksTheTargetsThatGreedyDecodingTakes) {
  for (const auto type : kTypes) {
    SCOPED_TRACE(type);
    Case c(type);
    c.head_VH[400].copy_(c.head_VH[7]);  // equal logits in every row, the largest ones in some
    c.rows.hidden_RH.narrow(0, 20, 6).copy_(c.head_VH.narrow(0, 7, 1) * 40);
    Workspace workspace;
    // Not LibTorch's product, in which equal columns may have other bits.
    Tensor logits_RV = at::empty({kRows, c.head_VH.size(0)}, type);
    gemm(c.rows.hidden_RH, c.head_VH.t(), {}, workspace, logits_RV);
    const Tensor best_R = logits_RV.argmax(1);
    c.rows.targets_R.narrow(0, 0, 40).copy_(best_R.narrow(0, 0, 40));
    c.rows.targets_R[21] = 400;  // as large as the first of them, and not the first
    ASSERT_EQ(best_R[21].item<int64_t>(), 7);
    Outputs out(c);
    Tensor is_first_R = at::zeros({kRows}, at::kBool);
    LinearLogp(c.rows, c.head_VH, workspace, c.bytes(GetParam()))
        .forward(out.lse_R, out.logp_R, {.log_squares_R = {}, .entropies_R = {}, .is_first_R = is_first_R});
    EXPECT_TRUE(is_first_R.equal(best_R.eq(c.rows.targets_R)));
    EXPECT_FALSE(is_first_R[21].item<bool>());
    EXPECT_TRUE(is_first_R[20].item<bool>());
  }
}

INSTANTIATE_TEST_SUITE_P(RowsOfAChunk, LinearLogpTest, ::testing::ValuesIn(kRowsOfOneChunk),
                         [](const auto& test) { return std::to_string(test.param); });

// All logits together would take 125 MiB. 20 MiB for a chunk's, and as much again beside them for the product.
TEST(LinearLogpMemory, IsBoundedByAChunk) {
  constexpr int64_t num_rows = 8000;
  constexpr int64_t hidden = 8;
  constexpr int64_t vocabulary = 4096;
  const HeadRows rows{at::randn({num_rows, hidden}), at::zeros({num_rows}, at::kLong)};
  const Tensor head_VH = at::randn({vocabulary, hidden});
  Tensor lse_R = at::empty({num_rows});
  Tensor logp_R = at::empty({num_rows});
  Workspace workspace;
  LinearLogp(rows, head_VH, workspace, int64_t{20} << 20).forward(lse_R, logp_R);
  EXPECT_LE(workspace.bytes(), int64_t{40} << 20);
}

}  // namespace
}  // namespace mmpo
