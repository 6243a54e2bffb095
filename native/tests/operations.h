// The operations of LibTorch that this thread calls while this lives, and how many of them would launch something on a GPU.
#pragma once

#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mmpo::testing {

class RecordedOperations {
 public:
  // By this name launches() has what aten::addmm copies first.
  static constexpr const char* kAddendCopy = "aten::addmm's copy of an addend";

  RecordedOperations() {
    current() = this;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&begin, &end).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~RecordedOperations() {
    at::removeCallback(handle_);
    current() = nullptr;
  }
  RecordedOperations(const RecordedOperations&) = delete;
  RecordedOperations& operator=(const RecordedOperations&) = delete;

  // By name, each with all that it calls in its turn.
  const std::set<std::string>& names() const { return names_; }
  // By name, how often; an operation that others do the work of is not in it, nor what only looks at memory or asks for it.
  const std::map<std::string, int64_t>& launches() const { return launches_; }
  // Called where autograd might record.
  const std::set<std::string>& outside_inference_mode() const { return outside_; }

 private:
  struct Frame {
    bool launches_below = false;
  };

  // A sum with a matrix elsewhere: LibTorch copies that to where the result will be, and then cuBLAS adds to it.
  static bool copies_addend(const at::RecordFunction& function) {
    if (std::string_view(function.name()) != "aten::addmm") return false;
    const auto inputs = function.inputs();
    return inputs.back().isTensor() && !inputs.back().toTensor().is_same(inputs.front().toTensor());
  }

  static RecordedOperations*& current() {
    thread_local RecordedOperations* recorder = nullptr;
    return recorder;
  }

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    RecordedOperations& self = *current();
    self.names_.insert(function.name());
    if (!c10::InferenceMode::is_enabled()) self.outside_.insert(function.name());
    self.frames_.emplace_back();
    if (self.opaque_ == 0 && copies_addend(function)) ++self.launches_[kAddendCopy];
    self.opaque_ += is_opaque(function.name()) ? 1 : 0;
    return nullptr;
  }

  static void end(const at::RecordFunction& function, at::ObserverContext*) {
    RecordedOperations& self = *current();
    const Frame frame = self.frames_.back();
    self.frames_.pop_back();
    const bool opaque = is_opaque(function.name());
    self.opaque_ -= opaque ? 1 : 0;
    const bool launches = (opaque || !frame.launches_below) && !looks_only(function.name()) && self.opaque_ == 0;
    if (launches) ++self.launches_[function.name()];
    if (!self.frames_.empty()) self.frames_.back().launches_below |= launches || frame.launches_below;
  }

  // One launch, or a few that belong together, whatever the CPU makes it of.
  static bool is_opaque(std::string_view name) {
    static const std::set<std::string_view> kProducts{"aten::mm", "aten::addmm", "aten::bmm", "aten::_scaled_mm"};
    return kProducts.contains(name) || name.starts_with("aten::_flash_attention");
  }

  static bool looks_only(std::string_view name) {
    static const std::set<std::string_view> kNames{
        "aten::narrow",       "aten::slice",       "aten::select",         "aten::view",
        "aten::unflatten",    "aten::flatten",     "aten::reshape",        "aten::t",
        "aten::transpose",    "aten::unsqueeze",   "aten::as_strided",     "aten::empty",
        "aten::to",           "aten::empty_like",  "aten::empty_strided",  "aten::contiguous",
        "aten::resize_",      "aten::detach",      "aten::from_blob",      "aten::expand",
        "aten::resolve_conj", "aten::resolve_neg", "aten::_reshape_alias", "aten::set_",
        "aten::lift_fresh",   "aten::alias",       "aten::squeeze",        "aten::new_empty"};
    return kNames.contains(name);
  }

  at::CallbackHandle handle_ = 0;
  std::vector<Frame> frames_;
  int64_t opaque_ = 0;
  std::set<std::string> names_, outside_;
  std::map<std::string, int64_t> launches_;
};

}  // namespace mmpo::testing
