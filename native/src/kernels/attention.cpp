#include "kernels/attention.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu/attention_kernels.h"
#include "kernels/decode_attention.h"
#include "kernels/dispatch.h"

namespace mmpo {
namespace {

// Segments sorted by group, each group a stretch of them.
struct Groups {
  std::vector<Segment> segments;
  std::vector<SegmentGroup> groups;
  int64_t num_rows = 0;  // of all groups, each with its padding

  explicit Groups(std::span<const Segment> unsorted) : segments(unsorted.begin(), unsorted.end()) {
    std::ranges::stable_sort(segments, {}, &Segment::group);
    for (const Segment& segment : segments) {
      if (groups.empty() || groups.back().segments->group != segment.group) {
        groups.push_back({&segment, 0, segment.begin, segment.begin, 0});
      }
      SegmentGroup& group = groups.back();
      ++group.count;
      group.begin = std::min(group.begin, segment.begin);
      group.end = std::max(group.end, segment.begin + segment.length);
    }
    for (SegmentGroup& group : groups) {
      group.offset = num_rows;
      num_rows += group.end - group.begin + kAttentionPadding;
    }
  }
};

// body(std::type_identity<element type>).
template <typename Body>
void with_element_type(const Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kFloat) {
    body(std::type_identity<float>());
  } else {
    body(std::type_identity<at::BFloat16>());
  }
}

template <typename T>
AttentionInputs<T> inputs(const Tensor& qkv_TQ, const AttentionShape& shape, const Groups& groups) {
  return {shape, qkv_TQ.const_data_ptr<T>(), qkv_TQ.stride(0), groups.groups.data(),
          static_cast<int64_t>(groups.groups.size())};
}

// Backward only reads these.
template <typename T>
AttentionOutputs<T> outputs(const Tensor& out_TA, const Tensor& lse_NT) {
  return {static_cast<T*>(out_TA.data_ptr()), out_TA.stride(0), static_cast<float*>(lse_NT.data_ptr()),
          lse_NT.stride(0)};
}

}  // namespace

void attention(const Tensor& qkv_TQ, std::span<const Segment> segments, const AttentionShape& shape, Tensor& out_TA,
               Tensor& lse_NT) {
  const Groups groups(segments);
  with_element_type(qkv_TQ, [&]<typename T>(std::type_identity<T>) {
    with_cpu_capability([&]<typename Capability>(std::type_identity<Capability>) {
      CpuAttention<T, Capability>::forward(inputs<T>(qkv_TQ, shape, groups), outputs<T>(out_TA, lse_NT));
    });
  });
}

void attention_backward(const Tensor& grad_out_TA, const Tensor& qkv_TQ, const Tensor& out_TA, const Tensor& lse_NT,
                        std::span<const Segment> segments, const AttentionShape& shape, Workspace& workspace,
                        Tensor& grad_qkv_TQ) {
  for (const Segment& segment : segments) TORCH_CHECK(segment.preamble_length == 0, "a preamble has no backward pass");
  const WorkspaceScope scope(workspace);
  const Groups groups(segments);
  const std::vector<int64_t> scratch_shape{shape.num_heads, groups.num_rows, shape.head_dim};
  Tensor grad_keys_NTD = workspace.allocate(scratch_shape, at::kFloat);
  Tensor grad_values_NTD = workspace.allocate(scratch_shape, at::kFloat);
  with_element_type(qkv_TQ, [&]<typename T>(std::type_identity<T>) {
    const AttentionGradients<T> gradients{grad_out_TA.const_data_ptr<T>(),
                                          grad_out_TA.stride(0),
                                          grad_qkv_TQ.mutable_data_ptr<T>(),
                                          grad_qkv_TQ.stride(0),
                                          grad_keys_NTD.mutable_data_ptr<float>(),
                                          grad_values_NTD.mutable_data_ptr<float>(),
                                          groups.num_rows};
    with_cpu_capability([&]<typename Capability>(std::type_identity<Capability>) {
      CpuAttention<T, Capability>::backward(inputs<T>(qkv_TQ, shape, groups), outputs<T>(out_TA, lse_NT), gradients);
    });
  });
}

namespace {

template <typename T>
KeyValueView<T> view(const Tensor& keys_SLK, const Tensor& values_SLK) {
  return {keys_SLK.const_data_ptr<T>(), values_SLK.const_data_ptr<T>(), keys_SLK.stride(0), keys_SLK.stride(1)};
}

}  // namespace

void decode_attention(const Tensor& qkv_nQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                      std::span<const DecodeRow> rows, const AttentionShape& shape, Tensor& out_nA) {
  with_element_type(qkv_nQ, [&]<typename T>(std::type_identity<T>) {
    const DecodeInputs<T> decode{shape,
                                 qkv_nQ.const_data_ptr<T>(),
                                 qkv_nQ.stride(0),
                                 view<T>(keys_SLK, values_SLK),
                                 rows.data(),
                                 static_cast<int64_t>(rows.size()),
                                 out_nA.mutable_data_ptr<T>(),
                                 out_nA.stride(0)};
    with_cpu_capability(
        [&]<typename Capability>(std::type_identity<Capability>) { CpuAttention<T, Capability>::decode(decode); });
  });
}

void cached_attention(const Tensor& qkv_TQ, const Tensor& keys_SLK, const Tensor& values_SLK,
                      std::span<const CachedSegment> segments, const AttentionShape& shape, Tensor& out_TA) {
  with_element_type(qkv_TQ, [&]<typename T>(std::type_identity<T>) {
    const CachedInputs<T> inputs{shape,
                                 qkv_TQ.const_data_ptr<T>(),
                                 qkv_TQ.stride(0),
                                 view<T>(keys_SLK, values_SLK),
                                 segments.data(),
                                 static_cast<int64_t>(segments.size()),
                                 out_TA.mutable_data_ptr<T>(),
                                 out_TA.stride(0)};
    with_cpu_capability(
        [&]<typename Capability>(std::type_identity<Capability>) { CpuAttention<T, Capability>::cached(inputs); });
  });
}

}  // namespace mmpo
