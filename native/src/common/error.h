// Errors of the core: a code for the C ABI and a message for its user.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

#include "mmpo/types.h"

namespace mmpo {

class Error : public std::runtime_error {
 public:
  Error(int32_t code, const std::string& message) : std::runtime_error(message), code_(code) {}

  int32_t code() const noexcept { return code_; }

 private:
  int32_t code_;
};

// Throws Error with the parts written one after another.
template <typename... Parts>
[[noreturn]] void fail(int32_t code, const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(code, message.str());
}

// For what a caller may get wrong; invariants of our own are asserts.
template <typename... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) fail(MMPO_INVALID_ARGUMENT, parts...);
}

}  // namespace mmpo
