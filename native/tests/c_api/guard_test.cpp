#include "c_api/guard.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>

#include "common/error.h"

namespace {

TEST(Guard, SuccessClearsTheError) {
  mmpo_error err{.code = 7, .message = "old"};
  EXPECT_EQ(mmpo::guard(&err, [] {}), MMPO_OK);
  EXPECT_EQ(err.code, MMPO_OK);
  EXPECT_STREQ(err.message, "");
}

TEST(Guard, MapsEveryKindOfExceptionToItsStatus) {
  mmpo_error err{};
  EXPECT_EQ(mmpo::guard(&err, [] { throw mmpo::Error(MMPO_INVALID_MODEL, "wanted a, found b"); }), MMPO_INVALID_MODEL);
  EXPECT_EQ(err.code, MMPO_INVALID_MODEL);
  EXPECT_STREQ(err.message, "wanted a, found b");
  EXPECT_EQ(mmpo::guard(&err, [] { throw std::bad_alloc(); }), MMPO_OUT_OF_MEMORY);
  EXPECT_EQ(mmpo::guard(&err, [] { throw std::out_of_range("index"); }), MMPO_INTERNAL);
  EXPECT_STREQ(err.message, "index");
  EXPECT_EQ(mmpo::guard(&err, [] { throw 42; }), MMPO_INTERNAL);
  EXPECT_EQ(mmpo::guard(&err, [] { TORCH_CHECK(false, "shape mismatch"); }), MMPO_INTERNAL);
  EXPECT_STREQ(err.message, "shape mismatch");
}

TEST(Guard, AcceptsNoErrorStruct) {
  EXPECT_EQ(mmpo::guard(nullptr, [] { throw mmpo::Error(MMPO_NON_FINITE, "x"); }), MMPO_NON_FINITE);
  EXPECT_EQ(mmpo::guard(nullptr, [] {}), MMPO_OK);
}

TEST(Guard, CutsALongMessageBetweenCharacters) {
  mmpo_error err{};
  // "é" is two bytes: byte 4091 would fall in the middle of one.
  std::string message = "x";
  while (message.size() < 2 * sizeof(err.message)) message += "\xC3\xA9";
  EXPECT_EQ(mmpo::guard(&err, [&] { throw mmpo::Error(MMPO_INTERNAL, message); }), MMPO_INTERNAL);
  const std::string cut = err.message;
  EXPECT_EQ(cut, message.substr(0, cut.size()));
  EXPECT_GE(cut.size(), sizeof(err.message) - 2);
  EXPECT_EQ((cut.size() - 1) % 2, 0U);
}

}  // namespace
