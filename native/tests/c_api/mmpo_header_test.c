/* The header is C11 and the shared library answers a C program. */
#include <stdio.h>

#include "mmpo/mmpo.h"
#include "mmpo/streaming.h"

int main(void) {
  if (mmpo_abi_version() != MMPO_ABI_VERSION) {
    printf("the header says ABI version %d, the library %d\n", MMPO_ABI_VERSION, (int)mmpo_abi_version());
    return 1;
  }
  return 0;
}
