#include "loss/sft.h"

#include <gtest/gtest.h>

namespace mmpo {
namespace {

TEST(Sft, IsTheNegativeLogLikelihood) {
  const double logps[] = {-3.5, 0.0, -4000.0};
  const SftOutputs out = sft_losses(logps);
  EXPECT_EQ(out.losses, (std::vector<double>{3.5, 0.0, 4000.0}));
  EXPECT_EQ(out.grad_logps, (std::vector<double>{-1, -1, -1}));
  EXPECT_TRUE(sft_losses({}).losses.empty());
}

}  // namespace
}  // namespace mmpo
