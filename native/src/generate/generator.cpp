#include "generate/generator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <cstring>

#include "common/device.h"
#include "common/error.h"
#include "generate/sampler.h"
#include "kernels/gpu_decode_attention.h"
#include "kernels/linear.h"

namespace mmpo {
namespace {

// Prompts are read this many tokens at a time, so that a large batch needs no large activations.
constexpr int64_t kPrefillTokens = 8192;

// Keys and values of every sequence and layer. Shapes: S sequences, L positions, K key columns.
class KeyValueCache {
 public:
  KeyValueCache(const Decoder& decoder, int64_t num_sequences, int64_t capacity) : config_(decoder.config()) {
    const auto options = at::TensorOptions().dtype(decoder.dtype()).device(decoder.device());
    for (int64_t layer = 0; layer < config_->num_layers; ++layer) {
      keys_SLK_.push_back(at::empty({num_sequences, capacity, config_.key_size()}, options));
      values_SLK_.push_back(at::empty({num_sequences, capacity, config_.key_size()}, options));
    }
  }

  // Makes room for so many positions, at least twice as many as before where there are too few.
  void reserve(int64_t positions) {
    const int64_t before = keys_SLK_.front().size(1);
    if (positions <= before) return;
    const auto grow = [&](Tensor& cache_SLK) {
      const Tensor larger_SLK =
          at::empty({cache_SLK.size(0), std::max(positions, 2 * before), cache_SLK.size(2)}, cache_SLK.options());
      larger_SLK.narrow(1, 0, before).copy_(cache_SLK);
      cache_SLK = larger_SLK;
    };
    std::ranges::for_each(keys_SLK_, grow);
    std::ranges::for_each(values_SLK_, grow);
  }

  // Takes rows [row, row + count) of the fused projections as positions [position, ...) of a sequence.
  void store(int64_t layer, const Tensor& qkv_TQ, int64_t row, int64_t count, int64_t sequence, int64_t position) {
    const auto rows = qkv_TQ.narrow(0, row, count);
    const int64_t key_size = config_.key_size();
    const auto place = [&](Tensor& cache) { return cache[sequence].narrow(0, position, count); };
    place(keys_SLK_[static_cast<size_t>(layer)]).copy_(rows.narrow(1, config_.query_size(), key_size));
    place(values_SLK_[static_cast<size_t>(layer)]).copy_(rows.narrow(1, config_.query_size() + key_size, key_size));
  }

  // Takes row n as the last key of rows[n].
  void append(int64_t layer, const Tensor& qkv_nQ, const GpuDecodeRows& rows) {
    const int64_t key_size = config_.key_size();
    const auto put = [&](const Tensor& cache_SLK, int64_t column) {
      cache_SLK.flatten(0, 1).index_copy_(0, rows.places(cache_SLK.size(1)), qkv_nQ.narrow(1, column, key_size));
    };
    put(keys_SLK_[static_cast<size_t>(layer)], config_.query_size());
    put(values_SLK_[static_cast<size_t>(layer)], config_.query_size() + key_size);
  }

  const Tensor& keys(int64_t layer) const { return keys_SLK_[static_cast<size_t>(layer)]; }
  const Tensor& values(int64_t layer) const { return values_SLK_[static_cast<size_t>(layer)]; }

 private:
  const ModelConfig& config_;
  std::vector<Tensor> keys_SLK_;
  std::vector<Tensor> values_SLK_;
};

class Generator {
 public:
  Generator(Model& model, const Prompts& prompts, std::span<const int32_t> stop_tokens, const mmpo_sampling& sampling,
            const GoesOn& goes_on, int64_t capacity)
      : model_(model), prompts_(prompts), stop_tokens_(stop_tokens), sampling_(sampling), goes_on_(goes_on),
        cache_(model.decoder(), static_cast<int64_t>(prompts.lengths.size()), capacity),
        sequences_(prompts.lengths.size()) {
    for (size_t i = 0; i < prompts.lengths.size(); ++i) samplers_.emplace_back(sampling, i);
  }

  std::vector<std::vector<int32_t>> run() {
    prefill();
    while (!active_.empty()) decode();
    return std::move(sequences_);
  }

 private:
  void prefill() {
    size_t first = 0;
    const int32_t* tokens = prompts_.tokens;
    while (first < prompts_.lengths.size()) {
      size_t last = first;
      int64_t num_tokens = 0;
      while (last < prompts_.lengths.size() &&
             (last == first || num_tokens + prompts_.lengths[last] <= kPrefillTokens)) {
        num_tokens += prompts_.lengths[last++];
      }
      prefill(tokens, num_tokens, first, last - first);
      tokens += num_tokens;
      first = last;
    }
  }

  void prefill(const int32_t* tokens, int64_t num_tokens, size_t first, size_t count) {
    const std::vector<int32_t> no_completions(count, 0);
    const mmpo_batch batch{tokens,
                           prompts_.lengths.data() + first,
                           no_completions.data(),
                           nullptr,
                           num_tokens,
                           static_cast<int64_t>(count),
                           0};
    const PackedBatch packed(batch, {}, model_.device());
    const Decoder::Attend attend = model_.decoder().packed_attention(packed.attention);
    const auto attend_and_store = [&](int64_t layer, const Tensor& qkv_TQ, Tensor& attended_TA, Tensor& lse_NT) {
      attend(layer, qkv_TQ, attended_TA, lse_NT);
      for (const Segment& segment : packed.attention.segments()) {
        cache_.store(layer, qkv_TQ, segment.begin, segment.length, static_cast<int64_t>(first) + segment.group, 0);
      }
    };
    std::vector<int64_t> last_rows;
    std::vector<size_t> sequences;
    for (const Segment& segment : packed.attention.segments()) {
      last_rows.push_back(segment.begin + segment.length - 1);
      sequences.push_back(first + static_cast<size_t>(segment.group));
    }
    model_.workspace().reset();
    const Tensor x_TH = model_.decoder().forward({packed.tokens_T, packed.positions_T, packed.num_positions},
                                                 attend_and_store, model_.workspace(), nullptr);
    sample(at::index_select(x_TH, 0, to_device(last_rows, model_.device())), sequences);
  }

  void decode() {
    const std::vector<size_t> sequences = std::move(active_);
    active_.clear();
    std::vector<int64_t> tokens;
    std::vector<int32_t> positions;
    std::vector<DecodeRow> rows;
    for (const size_t i : sequences) {
      const int64_t position = prompts_.lengths[i] + static_cast<int64_t>(sequences_[i].size()) - 1;
      tokens.push_back(sequences_[i].back());
      positions.push_back(static_cast<int32_t>(position));
      rows.push_back({static_cast<int64_t>(i), position + 1});
    }
    const int64_t num_positions = 1 + *std::ranges::max_element(positions);
    cache_.reserve(num_positions);
    const Decoder& decoder = model_.decoder();
    const auto attend = [&](int64_t layer, const Tensor& qkv_nQ, Tensor& attended_nA, Tensor&) {
      for (size_t n = 0; n < rows.size(); ++n) {
        cache_.store(layer, qkv_nQ, static_cast<int64_t>(n), 1, rows[n].sequence, rows[n].num_keys - 1);
      }
      decode_attention(qkv_nQ, cache_.keys(layer), cache_.values(layer), rows, decoder.attention_shape(layer),
                       attended_nA);
    };
    const GpuDecodeRows gpu_rows(rows, decoder.config()->sliding_window, model_.device());
    const auto attend_on_gpu = [&](int64_t layer, const Tensor& qkv_nQ, Tensor& attended_nA, Tensor&) {
      cache_.append(layer, qkv_nQ, gpu_rows);
      gpu_decode_attention(qkv_nQ, cache_.keys(layer), cache_.values(layer), gpu_rows, decoder.attention_shape(layer),
                           attended_nA);
    };
    model_.workspace().reset();
    const Tensor tokens_n = to_device(tokens, model_.device());
    const Tensor positions_n = to_device(positions, model_.device());
    const Decoder::Attend chosen = is_gpu(model_.device()) ? Decoder::Attend(attend_on_gpu) : Decoder::Attend(attend);
    sample(model_.decoder().forward({tokens_n, positions_n, num_positions}, chosen, model_.workspace(), nullptr),
           sequences);
  }

  // Appends a token to each sequence, whose last row of the residual stream is x_nH, and keeps those that go on.
  void sample(const Tensor& x_nH, const std::vector<size_t>& sequences) {
    Tensor rstd_n;
    const Tensor hidden_nH = model_.final_norm(x_nH, rstd_n);
    const Tensor& head_VH = model_.decoder().head_VH();
    Tensor logits_nV = at::empty({x_nH.size(0), head_VH.size(0)}, x_nH.options());
    linear(hidden_nH, head_VH, {}, model_.workspace(), logits_nV);
    const Tensor float_nV = logits_nV.to(at::kFloat).cpu();
    const float* logits = float_nV.const_data_ptr<float>();
    const auto vocabulary = static_cast<size_t>(head_VH.size(0));
    for (size_t n = 0; n < sequences.size(); ++n) {
      const size_t i = sequences[n];
      const int32_t token = samplers_[i].next({logits + n * vocabulary, vocabulary});
      sequences_[i].push_back(token);
      if (goes_on(i, token)) active_.push_back(i);
    }
  }

  bool goes_on(size_t i, int32_t token) const {
    const auto length = static_cast<int64_t>(sequences_[i].size());
    const bool heard = goes_on_(i, token);
    return heard && std::ranges::find(stop_tokens_, token) == stop_tokens_.end() && length < sampling_.max_new_tokens;
  }

  Model& model_;
  const Prompts& prompts_;
  std::span<const int32_t> stop_tokens_;
  const mmpo_sampling& sampling_;
  const GoesOn& goes_on_;
  KeyValueCache cache_;
  std::vector<Sampler> samplers_;
  std::vector<std::vector<int32_t>> sequences_;
  std::vector<size_t> active_;
};

}  // namespace

std::vector<std::vector<int32_t>> generate(Model& model, const Prompts& prompts, std::span<const int32_t> stop_tokens,
                                           const mmpo_sampling& sampling, const GoesOn& goes_on) {
  check_sampling(sampling);
  const mmpo_model_config& config = *model.decoder().config();
  const int32_t* tokens = prompts.tokens;
  int64_t longest = 0;
  for (size_t i = 0; i < prompts.lengths.size(); ++i) {
    const int64_t length = prompts.lengths[i];
    require(length >= 1, "prompt ", i, " is empty");
    for (int64_t t = 0; t < length; ++t) {
      require(tokens[t] >= 0 && tokens[t] < config.vocab_size, "prompt ", i, " holds token ", tokens[t],
              ", outside the model's vocabulary of ", config.vocab_size);
    }
    tokens += length;
    longest = std::max(longest, length);
  }
  // Most answers end before the model's positions do; for one that goes on beyond them the cache grows.
  const int64_t likely = std::max(config.max_positions - longest, int64_t{1});
  const int64_t capacity = longest + std::min<int64_t>(sampling.max_new_tokens, likely);
  return Generator(model, prompts, stop_tokens, sampling, goes_on, capacity).run();
}

}  // namespace mmpo
