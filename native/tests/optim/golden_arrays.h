// Arrays of the golden files: little-endian in base64.
#pragma once

#include <cstring>
#include <string>
#include <vector>

namespace mmpo::testing {

// Elements of type From, as To.
template <typename From, typename To>
std::vector<To> decode(const std::string& base64) {
  static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char c : base64) {
    if (c == '=') break;
    bits = (bits << 6) | static_cast<uint32_t>(kAlphabet.find(c));
    num_bits += 6;
    if (num_bits >= 8) {
      num_bits -= 8;
      bytes.push_back(static_cast<char>(bits >> num_bits));
      bits &= (1U << num_bits) - 1;
    }
  }
  std::vector<From> values(bytes.size() / sizeof(From));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return {values.begin(), values.end()};
}

}  // namespace mmpo::testing
