#include "dist/exchange_record.h"

#include <algorithm>
#include <ctime>
#include <iomanip>
#include <sstream>

namespace mmpo {
namespace {

void put_utc(std::ostream& out, std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  out << std::put_time(&utc, "%FT%T.") << std::setw(3) << std::setfill('0') << millis << 'Z';
}

}  // namespace

double ExchangeRecord::Entry::seconds_so_far() const {
  return seconds.value_or(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
}

const char* ExchangeRecord::Entry::state() const {
  if (!seconds) return "under way";
  return has_failed ? "failed" : "done";
}

ExchangeRecord& ExchangeRecord::of_process() {
  static ExchangeRecord record;
  return record;
}

uint64_t ExchangeRecord::begin(std::string what, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const uint64_t number = next_++;
  Entry entry{number, std::move(what), bytes, std::chrono::system_clock::now(), std::chrono::steady_clock::now(), {}};
  if (number < kKept) {
    entries_.push_back(std::move(entry));
  } else {
    entries_[number % kKept] = std::move(entry);
  }
  return number;
}

double ExchangeRecord::end(uint64_t number, bool has_failed) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[number % kKept];
  if (entry.number != number) return 0;  // others have taken its place since
  entry.seconds = entry.seconds_so_far();
  entry.has_failed = has_failed;
  return *entry.seconds;
}

std::string ExchangeRecord::text() const {
  const std::lock_guard lock(mutex_);
  std::ostringstream out;
  out << "number\tbegun\tseconds\tstate\tbytes sent\texchange\n" << std::fixed << std::setprecision(3);
  const uint64_t oldest = next_ - std::min<uint64_t>(next_, kKept);
  for (uint64_t number = next_; number-- > oldest;) {
    const Entry& entry = entries_[number % kKept];
    out << entry.number << '\t';
    put_utc(out, entry.begun);
    out << '\t' << entry.seconds_so_far() << '\t' << entry.state() << '\t' << entry.bytes << '\t' << entry.what << '\n';
  }
  return out.str();
}

}  // namespace mmpo
