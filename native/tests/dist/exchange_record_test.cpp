#include "dist/exchange_record.h"

#include <gtest/gtest.h>

#include <regex>
#include <vector>

namespace mmpo {
namespace {

std::vector<std::string> lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(ExchangeRecord, TellsTheNewestFirstWithItsState) {
  ExchangeRecord record;
  const uint64_t first = record.begin("the gathering of weights", 96);
  EXPECT_GE(record.end(first, false), 0);
  const uint64_t second = record.begin("the exchange of metrics", 16);
  record.begin("the reduction of gradients", 1024);
  record.end(second, true);
  const auto found = lines(record.text());
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], "number\tbegun\tseconds\tstate\tbytes sent\texchange");
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t\d+\.\d{3})";
  EXPECT_TRUE(std::regex_match(found[1], std::regex("2\t" + time + "\tunder way\t1024\tthe reduction of gradients")));
  EXPECT_TRUE(std::regex_match(found[2], std::regex("1\t" + time + "\tfailed\t16\tthe exchange of metrics")));
  EXPECT_TRUE(std::regex_match(found[3], std::regex("0\t" + time + "\tdone\t96\tthe gathering of weights")));
}

TEST(ExchangeRecord, KeepsTheLastOnes) {
  ExchangeRecord record;
  for (size_t i = 0; i < 2 * ExchangeRecord::kKept; ++i) record.begin("exchange " + std::to_string(i), 0);
  EXPECT_EQ(record.end(0, false), 0);  // forgotten, and nobody else's end
  const auto found = lines(record.text());
  ASSERT_EQ(found.size(), ExchangeRecord::kKept + 1);
  EXPECT_EQ(found[1].substr(0, 4), "511\t");
  EXPECT_EQ(found.back().substr(0, 4), "256\t");
  EXPECT_EQ(found.back().find("done"), std::string::npos);
}

}  // namespace
}  // namespace mmpo
