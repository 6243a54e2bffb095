#include "generate/generator.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>

#include "common/device.h"
#include "common/error.h"
#include "generate/key_value_cache.h"
#include "generate/sampler.h"
#include "generate/waiting_prompts.h"
#include "kernels/linear.h"

namespace mmpo {
namespace {

// A step reads at most so many tokens of prompts, so that a large batch needs no large activations.
constexpr int64_t kPrefillTokens = 8192;

using PromptTokens = WaitingPrompts::PromptTokens;

// A sequence in its place of the cache.
struct Running {
  size_t prompt;
  int64_t num_cached;  // positions that the cache has
  Sampler sampler;
};

// The rows of a step: the last token of each sequence that goes on, then what is left of the prompts that begin.
struct Step {
  std::vector<int64_t> tokens;
  std::vector<int32_t> positions;
  std::vector<DecodeRow> decoded;  // rows 0, 1 ...
  std::vector<CachedSegment> begun;
  std::vector<int64_t> places;  // of the rows that are drawn from
  std::vector<int64_t> last_rows;  // those rows

  void add(int64_t token, int64_t position) {
    tokens.push_back(token);
    positions.push_back(static_cast<int32_t>(position));
  }
  void draw_from_last_row(int64_t place) {
    places.push_back(place);
    last_rows.push_back(static_cast<int64_t>(tokens.size()) - 1);
  }
};

// A row as float32, in memory that its thread keeps.
std::span<const float> as_float(const Tensor& logits_nV, int64_t row) {
  const auto count = static_cast<size_t>(logits_nV.size(1));
  if (logits_nV.scalar_type() == at::kFloat) {
    return {logits_nV.const_data_ptr<float>() + row * logits_nV.stride(0), count};
  }
  static thread_local std::vector<float> values;
  values.resize(count);
  const at::BFloat16* from = logits_nV.const_data_ptr<at::BFloat16>() + row * logits_nV.stride(0);
  std::copy_n(from, count, values.begin());
  return values;
}

class Generator {
 public:
  Generator(Model& model, const Prompts& prompts, std::vector<PromptTokens> texts, std::span<const int32_t> stop_tokens,
            const mmpo_sampling& sampling, const Hear& hear, int64_t num_places, int64_t capacity)
      : model_(model), prompts_(prompts), texts_(std::move(texts)), stop_tokens_(stop_tokens), sampling_(sampling),
        hear_(hear), on_gpu_(is_gpu(model.device())), cache_(model.decoder(), num_places, capacity),
        waiting_(texts_, num_places, !on_gpu_), running_(static_cast<size_t>(num_places)), sequences_(texts_.size()) {}

  std::vector<std::vector<int32_t>> run() {
    do {
      compute(next_step());
    } while (!ended_ && (num_running_ > 0 || !waiting_.empty()));
    return std::move(sequences_);
  }

 private:
  Step next_step() {
    std::vector<WaitingPrompts::Admitted> admitted;
    int64_t num_tokens = 0;
    const auto most = [&] {
      return num_tokens == 0 ? std::numeric_limits<int64_t>::max() : kPrefillTokens - num_tokens;
    };
    while (const auto next = waiting_.next(most())) {
      cache_.copy(next->source, next->place, next->num_cached);
      admitted.push_back(*next);
      num_tokens += static_cast<int64_t>(texts_[next->prompt].size()) - next->num_cached;
    }
    Step step;
    // Attention on a GPU is of one kind or of the other.
    if (!on_gpu_ || admitted.empty()) add_running(step);
    for (const auto& next : admitted) begin(next, step);
    return step;
  }

  void add_running(Step& step) {
    for (size_t place = 0; place < running_.size(); ++place) {
      if (!running_[place]) continue;
      Running& running = *running_[place];
      step.add(sequences_[running.prompt].back(), running.num_cached);
      step.decoded.push_back({static_cast<int64_t>(place), ++running.num_cached});
      step.draw_from_last_row(static_cast<int64_t>(place));
    }
  }

  void begin(const WaitingPrompts::Admitted& admitted, Step& step) {
    const PromptTokens text = texts_[admitted.prompt];
    const auto length = static_cast<int64_t>(text.size());
    const auto begin = static_cast<int64_t>(step.tokens.size());
    step.begun.push_back({begin, length - admitted.num_cached, admitted.place, admitted.num_cached});
    for (int64_t i = admitted.num_cached; i < length; ++i) step.add(text[static_cast<size_t>(i)], i);
    step.draw_from_last_row(admitted.place);
    const uint64_t stream =
        prompts_.streams.empty() ? admitted.prompt : static_cast<uint64_t>(prompts_.streams[admitted.prompt]);
    running_[static_cast<size_t>(admitted.place)].emplace(Running{admitted.prompt, length, {sampling_, stream}});
    ++num_running_;
  }

  void compute(const Step& step) {
    const int64_t num_positions = 1 + *std::ranges::max_element(step.positions);
    cache_.reserve(num_positions);
    model_.workspace().reset();
    const Tensor tokens_T = to_device(step.tokens, model_.device());
    const Tensor positions_T = to_device(step.positions, model_.device());
    const Decoder::Rows rows{tokens_T, positions_T, num_positions};
    const Decoder::Attend attend = on_gpu_ ? attend_on_gpu(step) : attend_on_cpu(step);
    const Tensor wanted_n = step.begun.empty() ? Tensor() : to_device(step.last_rows, model_.device());
    const Tensor x_nH = model_.decoder().infer(rows, wanted_n, attend, {}, model_.workspace());
    waiting_.computed();
    const Tensor logits_nV = logits(x_nH);
    const std::vector<int32_t> drawn = on_gpu_ ? draw_on_gpu(step, logits_nV) : draw_on_cpu(step, logits_nV);
    for (size_t n = 0; n < drawn.size() && !ended_; ++n) append(step.places[n], drawn[n]);
  }

  Sampler& sampler(int64_t place) { return running_[static_cast<size_t>(place)]->sampler; }

  std::vector<int32_t> draw_on_cpu(const Step& step, const Tensor& logits_nV) {
    std::vector<int32_t> drawn(step.places.size());
    at::parallel_for(0, static_cast<int64_t>(drawn.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const auto row = static_cast<size_t>(n);
        drawn[row] = sampler(step.places[row]).next(as_float(logits_nV, n));
      }
    });
    return drawn;
  }

  // Four bytes a sequence come to the host, which waits for them.
  std::vector<int32_t> draw_on_gpu(const Step& step, const Tensor& logits_nV) {
    std::vector<double> uniforms;
    for (const int64_t place : step.places) {
      uniforms.push_back(sampling_.temperature == 0 ? 0.0 : sampler(place).uniform());
    }
    HostCopy copy(mmpo::draw_on_gpu(logits_nV, sampling_, uniforms));
    const int32_t* tokens = copy.wait().const_data_ptr<int32_t>();
    std::vector<int32_t> drawn(tokens, tokens + uniforms.size());
    check_drawn(drawn);
    return drawn;
  }

  Decoder::Attend attend_on_cpu(const Step& step) {
    return [this, &step](int64_t layer, const Tensor& qkv_TQ, Tensor& attended_TA, Tensor&) {
      for (size_t n = 0; n < step.decoded.size(); ++n) {
        const DecodeRow& row = step.decoded[n];
        cache_.store(layer, qkv_TQ, {static_cast<int64_t>(n), 1, row.sequence, row.num_keys - 1});
      }
      for (const CachedSegment& segment : step.begun) cache_.store(layer, qkv_TQ, segment);
      const AttentionShape shape = model_.decoder().attention_shape(layer);
      const Tensor& keys_SLK = cache_.keys(layer);
      const Tensor& values_SLK = cache_.values(layer);
      decode_attention(qkv_TQ, keys_SLK, values_SLK, step.decoded, shape, attended_TA);
      if (!step.begun.empty()) cached_attention(qkv_TQ, keys_SLK, values_SLK, step.begun, shape, attended_TA);
    };
  }

  Decoder::Attend attend_on_gpu(const Step& step) {
    if (step.begun.empty()) {
      const Decoder& decoder = model_.decoder();
      const bool is_flash = VarlenAttention::is_flash(decoder.device(), decoder.dtype(), decoder.attention_shape(0));
      const GpuDecodeRows rows(step.decoded, cache_.capacity(), decoder.config()->sliding_window, is_flash,
                               decoder.device());
      return [this, rows](int64_t layer, const Tensor& qkv_nQ, Tensor& attended_nA, Tensor&) {
        cache_.append_on_gpu(layer, qkv_nQ, rows);
        gpu_decode_attention(qkv_nQ, cache_.keys(layer), cache_.values(layer), rows,
                             model_.decoder().attention_shape(layer), attended_nA);
      };
    }
    std::vector<Segment> segments;
    for (const CachedSegment& begun : step.begun) {
      segments.push_back({begun.begin, begun.length, 0, 0, static_cast<int64_t>(segments.size())});
    }
    plan_ = AttentionPlan(segments, model_.device());
    return [this, &step](int64_t layer, const Tensor& qkv_TQ, Tensor& attended_TA, Tensor& lse_NT) {
      model_.decoder().packed_attention(plan_)(layer, qkv_TQ, attended_TA, lse_NT);
      for (const CachedSegment& begun : step.begun) cache_.store(layer, qkv_TQ, begun);
    };
  }

  // Of rows of the residual stream, in memory of the workspace.
  Tensor logits(const Tensor& x_nH) {
    Tensor rstd_n;
    const Tensor hidden_nH = model_.final_norm(x_nH, rstd_n);
    const Tensor& head_VH = model_.decoder().head_VH();
    Tensor logits_nV = model_.workspace().allocate({x_nH.size(0), head_VH.size(0)}, x_nH.scalar_type());
    linear({}, hidden_nH, head_VH, {}, model_.workspace(), logits_nV);
    return logits_nV;
  }

  void append(int64_t place, int32_t token) {
    const size_t prompt = running_[static_cast<size_t>(place)]->prompt;
    sequences_[prompt].push_back(token);
    const Heard heard = hear_(prompt, token);
    ended_ = heard == Heard::kEndsAll;
    const auto length = static_cast<int64_t>(sequences_[prompt].size());
    const bool stops = std::ranges::find(stop_tokens_, token) != stop_tokens_.end();
    if (heard == Heard::kGoesOn && !stops && length < sampling_.max_new_tokens) return;
    running_[static_cast<size_t>(place)].reset();
    waiting_.end(place);
    --num_running_;
  }

  Model& model_;
  const Prompts& prompts_;
  std::vector<PromptTokens> texts_;
  std::span<const int32_t> stop_tokens_;
  const mmpo_sampling& sampling_;
  const Hear& hear_;
  const bool on_gpu_;
  KeyValueCache cache_;
  WaitingPrompts waiting_;
  std::vector<std::optional<Running>> running_;  // by place
  int64_t num_running_ = 0;
  bool ended_ = false;
  AttentionPlan plan_;  // of a GPU's step
  std::vector<std::vector<int32_t>> sequences_;
};

}  // namespace

std::vector<std::vector<int32_t>> generate(Model& model, const Prompts& prompts, std::span<const int32_t> stop_tokens,
                                           const mmpo_sampling& sampling, const Hear& hear) {
  // No operation asks whether autograd records it.
  const c10::InferenceMode without_autograd;
  check_sampling(sampling);
  require(prompts.batch_size >= 0, "batch_size must be >= 0 (0: all prompts), got ", prompts.batch_size);
  const mmpo_model_config& config = *model.decoder().config();
  std::vector<PromptTokens> texts;
  const int32_t* tokens = prompts.tokens;
  int64_t longest = 0;
  for (size_t i = 0; i < prompts.lengths.size(); ++i) {
    const int64_t length = prompts.lengths[i];
    require(length >= 1, "prompt ", i, " is empty");
    for (int64_t t = 0; t < length; ++t) {
      require(tokens[t] >= 0 && tokens[t] < config.vocab_size, "prompt ", i, " holds token ", tokens[t],
              ", outside the model's vocabulary of ", config.vocab_size);
    }
    texts.emplace_back(tokens, static_cast<size_t>(length));
    tokens += length;
    longest = std::max(longest, length);
  }
  const auto num_prompts = static_cast<int64_t>(texts.size());
  const int64_t num_places = prompts.batch_size == 0 ? num_prompts : std::min(num_prompts, prompts.batch_size);
  // Most answers end before the model's positions do; for one that goes on beyond them the cache grows.
  const int64_t likely = std::max(config.max_positions - longest, int64_t{1});
  const int64_t capacity = longest + std::min<int64_t>(sampling.max_new_tokens, likely);
  return Generator(model, prompts, std::move(texts), stop_tokens, sampling, hear, num_places, capacity).run();
}

}  // namespace mmpo
