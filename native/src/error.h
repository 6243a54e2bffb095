// The exception of the core: a status of mmpo.h with a message that says what was wanted and what was found.
#pragma once

#include <stdexcept>
#include <string>

#include "mmpo/mmpo.h"

namespace mmpo {

class Error : public std::runtime_error {
 public:
  Error(mmpo_status code, const std::string& message) : std::runtime_error(message), code_(code) {}

  mmpo_status code() const noexcept { return code_; }

 private:
  mmpo_status code_;
};

}  // namespace mmpo
