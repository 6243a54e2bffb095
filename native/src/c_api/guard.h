// The one wall between C++ and C: every extern "C" body that can fail is one call of guard.
#pragma once

#include <utility>

#include "mmpo/mmpo.h"

namespace mmpo {

// Turns the exception in flight into a status, and writes status and message to err where err is not NULL.
int32_t report_current_exception(mmpo_error* err) noexcept;

void clear_error(mmpo_error* err) noexcept;

// Runs body, which returns nothing and may throw anything. The caller clears its outputs before.
template <typename Body>
int32_t guard(mmpo_error* err, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    clear_error(err);
    return MMPO_OK;
  } catch (...) {
    return report_current_exception(err);
  }
}

}  // namespace mmpo
