// What the stand-in of flash attention does beside standing in for it.
#pragma once

#include <cstdint>

namespace mmpo::testing {

enum class FlashFault { kNone, kNotBuilt, kWrong };

// The next calls fail as those of a LibTorch without it do, or give twice what they should.
FlashFault& flash_fault();

}  // namespace mmpo::testing
