// What the stand-in of flash attention does beside standing in for it.
#pragma once

#include <cstdint>

namespace mmpo::testing {

enum class FlashFault { kNone, kNotBuilt, kWrong, kSeesWholeCache };

// The next calls fail as those of a LibTorch without it do, give twice what they should, or do not ask how many keys are used.
FlashFault& flash_fault();

}  // namespace mmpo::testing
