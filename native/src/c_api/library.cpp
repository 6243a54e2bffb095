#include "mmpo/mmpo.h"

extern "C" int32_t mmpo_abi_version(void) { return MMPO_ABI_VERSION; }
