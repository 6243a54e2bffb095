// The last collectives that this process made, for whoever asks why one of them failed: the files of several ranks, side by side, show
// which rank lacks, and what it was last in. c10d's own recorder knows of Gloo's collectives neither when they ended nor our names.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace mmpo {

class ExchangeRecord {
 public:
  static constexpr size_t kKept = 256;

  static ExchangeRecord& of_process();

  // A collective begins. Its number among those of this process, from 0: the same on all ranks, which make the same ones.
  // bytes: that this rank sends to others.
  uint64_t begin(std::string what, int64_t bytes);
  // Returns the seconds that it took. A collective on a GPU ends here when its stream has been told to wait for it.
  double end(uint64_t number, bool has_failed);

  // A table with a heading, the newest first, separated by tabs.
  std::string text() const;

 private:
  struct Entry {
    uint64_t number;
    std::string what;
    int64_t bytes;
    std::chrono::system_clock::time_point begun;
    std::chrono::steady_clock::time_point started;
    std::optional<double> seconds;  // none while it is under way
    bool has_failed = false;

    double seconds_so_far() const;
    const char* state() const;
  };

  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  // number n at n % kKept
  uint64_t next_ = 0;
};

}  // namespace mmpo
