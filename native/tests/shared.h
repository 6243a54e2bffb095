// The reference values and models that stand beside the project: directory MMPO_SHARED, else the nearest `shared` above the
// working directory. Tests that want a file which is not there skip, saying which.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace mmpo::testing {

inline std::filesystem::path shared_directory() {
  if (const char* directory = std::getenv("MMPO_SHARED")) return directory;
  for (auto above = std::filesystem::current_path(); above.has_relative_path(); above = above.parent_path()) {
    if (std::filesystem::is_directory(above / "shared" / "golden")) return above / "shared";
  }
  return "shared";
}

inline std::optional<nlohmann::json> read_shared_json(const std::string& name) {
  std::ifstream file(shared_directory() / name);
  if (!file) return std::nullopt;
  return nlohmann::json::parse(file);
}

}  // namespace mmpo::testing

// Declares `variable` as the parsed file, or skips the test.
#define MMPO_READ_SHARED_JSON(variable, name)                                                  \
  const auto variable##_file = mmpo::testing::read_shared_json(name);                          \
  if (!variable##_file) {                                                                      \
    GTEST_SKIP() << "reference file " << (mmpo::testing::shared_directory() / (name)).string() \
                 << " is absent; set MMPO_SHARED to the directory that holds it";              \
  }                                                                                            \
  const nlohmann::json& variable = *variable##_file
