#include "dist/shard_plan.h"

#include <algorithm>
#include <map>

#include "common/error.h"

namespace mmpo {
namespace {

constexpr int64_t kBlock = 256;

// The place nearest to an offset at which the parameters may be cut. Between two of them is one.
int64_t cut_near(std::span<const Parameter> parameters, int64_t offset) {
  for (const Parameter& parameter : parameters) {
    const int64_t within = offset - parameter.offset;
    if (within <= 0 || within >= parameter.size()) continue;
    return parameter.offset + std::min((within + kBlock / 2) / kBlock * kBlock, parameter.size());
  }
  return offset;
}

}  // namespace

ShardPlan::ShardPlan(std::span<const Parameter> parameters, int num_ranks)
    : parameters_(parameters.begin(), parameters.end()), num_ranks_(num_ranks) {
  require(num_ranks >= 1, "a plan needs at least one rank, got ", num_ranks);
  // From the largest number down, as backward goes.
  std::map<int64_t, std::vector<Parameter>, std::greater<>> by_unit;
  for (const Parameter& parameter : parameters) by_unit[parameter.unit].push_back(parameter);
  for (const auto& [number, members] : by_unit) {
    const int64_t begin = members.front().offset;
    const int64_t end = members.back().offset + members.back().size();
    Unit unit{number, {begin}};
    for (int rank = 1; rank < num_ranks; ++rank) {
      unit.cuts.push_back(cut_near(members, begin + (end - begin) * rank / num_ranks));
    }
    unit.cuts.push_back(end);
    units_.push_back(std::move(unit));
  }
}

int64_t ShardPlan::size(int rank) const { return size({0, units_.size()}, rank); }

int64_t ShardPlan::size(const Bucket& bucket, int rank) const {
  int64_t size = 0;
  for (size_t unit = bucket.first_unit; unit < bucket.end_unit; ++unit) size += units_[unit].part(rank).size();
  return size;
}

int64_t ShardPlan::place(int rank, int64_t offset) const {
  int64_t begin = 0;
  for (const Unit& unit : units_) {
    const Interval part = unit.part(rank);
    if (offset >= part.begin && offset < part.end) return begin + offset - part.begin;
    begin += part.size();
  }
  fail(MMPO_INTERNAL, "element ", offset, " of the flat buffer is not rank ", rank, "'s");
}

std::vector<ParameterRange> ShardPlan::ranges(int rank) const {
  std::vector<ParameterRange> ranges;
  for (const Parameter& parameter : parameters_) {
    const auto unit = std::ranges::find(units_, parameter.unit, &Unit::number);
    const Interval part = unit->part(rank);
    const int64_t begin = std::max(part.begin, parameter.offset);
    const int64_t end = std::min(part.end, parameter.offset + parameter.size());
    if (begin < end) ranges.push_back({parameter, begin - parameter.offset, end - begin});
  }
  return ranges;
}

std::vector<ShardPlan::Bucket> ShardPlan::buckets(int64_t num_elements) const {
  std::vector<Bucket> buckets;
  int64_t elements = 0;
  for (size_t unit = 0; unit < units_.size(); ++unit) {
    const int64_t size = units_[unit].span().size();
    if (buckets.empty() || elements + size > num_elements) {
      buckets.push_back({unit, unit});
      elements = 0;
    }
    elements += size;
    buckets.back().end_unit = unit + 1;
  }
  return buckets;
}

}  // namespace mmpo
