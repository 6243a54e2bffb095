// docs/losses.md names a test after each statement: they must exist.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

// The project's root is above the working directory, as in the build directory, where tests run.
std::string read_document() {
  for (auto above = std::filesystem::current_path(); above.has_relative_path(); above = above.parent_path()) {
    std::ifstream file(above / "docs" / "losses.md");
    if (file) return (std::ostringstream() << file.rdbuf()).str();
  }
  return "";
}

// Suite.Name of every test, without the prefix and suffix of a parameterized one.
std::set<std::string> registered_tests() {
  std::set<std::string> names;
  const auto& program = *testing::UnitTest::GetInstance();
  for (int i = 0; i < program.total_test_suite_count(); ++i) {
    const auto& suite = *program.GetTestSuite(i);
    const std::string suite_name = suite.name();
    for (int k = 0; k < suite.total_test_count(); ++k) {
      const std::string test_name = suite.GetTestInfo(k)->name();
      names.insert(suite_name.substr(suite_name.find('/') + 1) + '.' + test_name.substr(0, test_name.find('/')));
    }
  }
  return names;
}

TEST(LossesDocument, NamesTestsThatExist) {
  const std::string document = read_document();
  if (document.empty()) GTEST_SKIP() << "docs/losses.md is not above the working directory";
  const std::set<std::string> tests = registered_tests();
  const std::regex named("`([A-Z][A-Za-z0-9]*\\.[A-Z][A-Za-z0-9]*)`");
  int num_named = 0;
  for (std::sregex_iterator match(document.begin(), document.end(), named), end; match != end; ++match, ++num_named) {
    EXPECT_TRUE(tests.contains((*match)[1])) << (*match)[1] << " is named in docs/losses.md";
  }
  EXPECT_GT(num_named, 20);
}

}  // namespace
