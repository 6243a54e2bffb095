// What of this process lies in memory now.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace mmpo::testing {

inline int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0;
  int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace mmpo::testing
