#include "c_api/guard.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>

#include "common/error.h"

namespace mmpo {
namespace {

int32_t fill(mmpo_error* err, int32_t code, std::string_view message) noexcept {
  if (err != nullptr) {
    size_t length = std::min(message.size(), sizeof(err->message) - 1);
    // A cut must not split a UTF-8 sequence: back off over continuation bytes.
    while (length < message.size() && length > 0 && (static_cast<unsigned char>(message[length]) & 0xC0U) == 0x80U) {
      --length;
    }
    std::memcpy(err->message, message.data(), length);
    err->message[length] = '\0';
    err->code = code;
  }
  return code;
}

// LibTorch reports a failed allocation of its CPU allocator as a plain c10::Error.
bool is_out_of_memory(const c10::Error& error) noexcept {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         std::strstr(error.what_without_backtrace(), "can't allocate memory") != nullptr;
}

}  // namespace

void clear_error(mmpo_error* err) noexcept { fill(err, MMPO_OK, ""); }

int32_t report_current_exception(mmpo_error* err) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return fill(err, error.code(), error.what());
  } catch (const c10::Error& error) {
    return fill(err, is_out_of_memory(error) ? MMPO_OUT_OF_MEMORY : MMPO_INTERNAL, error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return fill(err, MMPO_OUT_OF_MEMORY, "not enough memory");
  } catch (const std::exception& error) {
    return fill(err, MMPO_INTERNAL, error.what());
  } catch (...) {
    return fill(err, MMPO_INTERNAL, "an exception of unknown type");
  }
}

}  // namespace mmpo
