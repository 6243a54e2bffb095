#include "model/packed_batch.h"

#include <algorithm>

#include "common/device.h"
#include "common/error.h"

namespace mmpo {
namespace {

int32_t id_of(int32_t token) { return is_learnt(token) ? token : -1 - token; }

// Appends rows and head rows of one batch; the two passes (graded, scored) differ only in which completions they take.
class Packer {
 public:
  Packer(const mmpo_batch& batch, std::span<const Role> roles, PackedBatch& packed)
      : batch_(batch), roles_(roles), packed_(packed) {}

  // Before all others.
  void add_preamble() {
    for (int64_t i = 0; i < batch_.preamble_length; ++i) {
      tokens.push_back(batch_.preamble[i]);
      positions.push_back(static_cast<int32_t>(i));
      row_numbers.push_back(i);
    }
    if (batch_.preamble_length > 0) segments.push_back({0, batch_.preamble_length, 0, 0, kPreamble});
  }

  void add(Role role, bool with_prompts) {
    int64_t token = 0;
    size_t completion = 0;
    for (int64_t group = 0; group < batch_.num_groups; ++group) {
      const int64_t prompt_length = batch_.prompt_lengths[group];
      number_of_token_0_ = (group << 32) - token;
      if (with_prompts) {
        prompt_begins_.push_back(add_rows(token, prompt_length, batch_.preamble_length));
        segments.push_back({prompt_begins_.back(), prompt_length, 0, 0, group, batch_.preamble_length});
      }
      token += prompt_length;
      for (int64_t i = 0; i < batch_.group_sizes[group]; ++i, ++completion) {
        const int64_t length = batch_.completion_lengths[completion];
        if (roles_[completion] == role) add_completion(completion, token, length, group);
        token += length;
      }
    }
  }

  std::vector<Segment> segments;
  std::vector<int64_t> tokens;
  std::vector<int32_t> positions;
  std::vector<int64_t> head_rows;
  std::vector<int64_t> head_targets;
  std::vector<int64_t> row_numbers;

 private:
  static constexpr int64_t kPreamble = -1;  // its segment's group

  int64_t add_rows(int64_t token, int64_t count, int64_t position) {
    const auto begin = static_cast<int64_t>(tokens.size());
    for (int64_t i = 0; i < count; ++i) {
      tokens.push_back(id_of(batch_.tokens[token + i]));
      positions.push_back(static_cast<int32_t>(position + i));
      row_numbers.push_back(number_of_token_0_ + token + i);
    }
    return begin;
  }

  void add_completion(size_t completion, int64_t token, int64_t length, int64_t group) {
    const int64_t prompt_length = batch_.prompt_lengths[group];
    const int64_t prompt_begin = prompt_begins_[static_cast<size_t>(group)];
    packed_.completions[completion].head_begin = static_cast<int64_t>(head_rows.size());
    const int64_t preamble_length = batch_.preamble_length;
    const int64_t begin = add_rows(token, length - 1, preamble_length + prompt_length);
    if (length > 1) segments.push_back({begin, length - 1, prompt_begin, prompt_length, group, preamble_length});
    for (int64_t i = 0; i < length; ++i) {
      if (!is_learnt(batch_.tokens[token + i])) continue;
      head_rows.push_back(i == 0 ? prompt_begin + prompt_length - 1 : begin + i - 1);
      head_targets.push_back(batch_.tokens[token + i]);
    }
  }

  const mmpo_batch& batch_;
  std::span<const Role> roles_;
  PackedBatch& packed_;
  std::vector<int64_t> prompt_begins_;
  int64_t number_of_token_0_ = 0;  // if the batch's first token were of the group that is packed
};

// In the order of the batch: prompt(number, tokens), completion(number, tokens).
template <typename OnPrompt, typename OnCompletion>
void for_each_part(const mmpo_batch& batch, const OnPrompt& prompt, const OnCompletion& completion) {
  const int32_t* tokens = batch.tokens;
  const auto next = [&](int32_t length) {
    const std::span<const int32_t> part(tokens, static_cast<size_t>(length));
    tokens += length;
    return part;
  };
  int64_t number = 0;
  for (int64_t group = 0; group < batch.num_groups; ++group) {
    prompt(group, next(batch.prompt_lengths[group]));
    for (int64_t i = 0; i < batch.group_sizes[group]; ++i, ++number) {
      completion(number, next(batch.completion_lengths[number]));
    }
  }
}

void check_preamble(const mmpo_batch& batch, int64_t vocab_size) {
  require(batch.preamble_length >= 0 && (batch.preamble != nullptr || batch.preamble_length == 0),
          "preamble must not be NULL where preamble_length is ", batch.preamble_length);
  for (int64_t i = 0; i < batch.preamble_length; ++i) {
    require(batch.preamble[i] >= 0 && batch.preamble[i] < vocab_size, "token ", i, " of the preamble is ",
            batch.preamble[i], ", outside the model's vocabulary of ", vocab_size);
  }
}

// A prompt's tokens are all ids; of a completion some are, since there is nothing to learn from it otherwise.
void require_learning(const mmpo_batch& batch) {
  for_each_part(
      batch,
      [](int64_t number, std::span<const int32_t> tokens) {
        require(std::ranges::all_of(tokens, is_learnt), "prompt ", number,
                " has a token that is negative; all of a prompt's are read only, and given as they are");
      },
      [](int64_t number, std::span<const int32_t> tokens) {
        require(std::ranges::any_of(tokens, is_learnt), "completion ", number,
                " has no token that is learnt; at least 1 is needed");
      });
}

}  // namespace

void check_batch(const mmpo_batch& batch, int64_t vocab_size) {
  require(batch.num_groups > 0 && batch.num_completions > 0 && batch.num_tokens > 0,
          "a batch needs at least one group, got ", batch.num_groups, " groups, ", batch.num_completions,
          " completions, ", batch.num_tokens, " tokens");
  require(batch.tokens != nullptr && batch.prompt_lengths != nullptr && batch.group_sizes != nullptr &&
              batch.completion_lengths != nullptr,
          "a batch's arrays must not be NULL");
  check_preamble(batch, vocab_size);
  int64_t tokens = 0;
  int64_t completions = 0;
  for (int64_t group = 0; group < batch.num_groups; ++group) {
    const int64_t prompt = batch.prompt_lengths[group];
    require(prompt >= 1, "prompt ", group, " has length ", prompt, "; at least 1 is needed to predict from");
    require(batch.group_sizes[group] >= 1, "group ", group, " has ", batch.group_sizes[group],
            " completions; at least 1 is needed");
    tokens += prompt;
    for (int64_t i = 0; i < batch.group_sizes[group]; ++i, ++completions) {
      require(completions < batch.num_completions,
              "group_sizes add up to more than num_completions = ", batch.num_completions);
      const int64_t length = batch.completion_lengths[completions];
      require(length >= 1, "completion ", completions, " has length ", length, "; at least 1 is needed");
      tokens += length;
    }
  }
  require(completions == batch.num_completions, "group_sizes add up to ", completions, ", num_completions is ",
          batch.num_completions);
  require(tokens == batch.num_tokens, "lengths add up to ", tokens, " tokens, num_tokens is ", batch.num_tokens);
  for (int64_t i = 0; i < tokens; ++i) {
    require(id_of(batch.tokens[i]) < vocab_size, "token ", i, " is ", batch.tokens[i],
            ", outside the model's vocabulary of ", vocab_size);
  }
  require_learning(batch);
}

std::vector<int64_t> learnt_lengths(const mmpo_batch& batch) {
  std::vector<int64_t> lengths;
  for_each_part(
      batch, [](int64_t, std::span<const int32_t>) {},
      [&](int64_t, std::span<const int32_t> tokens) { lengths.push_back(std::ranges::count_if(tokens, is_learnt)); });
  return lengths;
}

void require_all_learnt(const mmpo_batch& batch) {
  for (int64_t i = 0; i < batch.num_tokens; ++i) {
    require(is_learnt(batch.tokens[i]), "token ", i, " is ", batch.tokens[i],
            ": only completions that SFT trains on have tokens that are read and not learnt");
  }
}

void require_no_preamble(const mmpo_batch& batch) {
  require(batch.preamble_length == 0, "preamble_length is ", batch.preamble_length,
          ": completions behind a preamble are scored, and no loss is made of them");
}

PackedBatch::PackedBatch(const mmpo_batch& batch, std::span<const Role> roles, at::Device device) : device_(device) {
  for (const int64_t length : learnt_lengths(batch)) completions.push_back({-1, length});

  Packer packer(batch, roles, *this);
  packer.add_preamble();
  packer.add(Role::kGraded, true);
  num_graded_rows = static_cast<int64_t>(packer.tokens.size());
  num_graded_head_rows = static_cast<int64_t>(packer.head_rows.size());
  graded_attention = AttentionPlan(packer.segments, device);
  packer.add(Role::kScored, false);

  num_rows = static_cast<int64_t>(packer.tokens.size());
  num_positions = 1 + *std::max_element(packer.positions.begin(), packer.positions.end());
  attention = num_rows == num_graded_rows ? graded_attention : AttentionPlan(packer.segments, device);
  tokens_T = to_device(packer.tokens, device);
  positions_T = to_device(packer.positions, device);
  head_rows_R = to_device(packer.head_rows, device);
  head_targets_R = to_device(packer.head_targets, device);
  row_numbers_ = std::move(packer.row_numbers);
}

Tensor PackedBatch::row_numbers(std::span<const int64_t> group_numbers) const {
  std::vector<int64_t> numbers = row_numbers_;
  for (int64_t& number : numbers) {
    const int64_t group = number >> 32;
    number += (group_numbers[static_cast<size_t>(group)] - group) << 32;
  }
  return to_device(numbers, device_);
}

}  // namespace mmpo
