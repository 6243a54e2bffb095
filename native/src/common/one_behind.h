// Results that the host reads one behind where they are queued: while a GPU computes the next, it reads the last. On the CPU each is
// read at once, since the next may overwrite it.
#pragma once

#include <optional>
#include <utility>

namespace mmpo {

template <typename Queued, typename Read>
class OneBehind {
 public:
  // read(Queued&): waits for what was queued, and takes it.
  OneBehind(bool waits, Read read) : waits_(waits), read_(std::move(read)) {}

  void add(Queued queued) {
    std::optional<Queued> last = std::exchange(queued_, std::move(queued));
    if (last) read_(*last);
    if (!waits_) finish();
  }
  // What is not read yet.
  void finish() {
    if (std::optional<Queued> last = std::exchange(queued_, std::nullopt)) read_(*last);
  }

 private:
  bool waits_;
  Read read_;
  std::optional<Queued> queued_;
};

}  // namespace mmpo
