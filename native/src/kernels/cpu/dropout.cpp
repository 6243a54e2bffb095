// Dropout whose mask is a function of place, so that backward makes it again instead of keeping it. Legend: ../dropout_linear.h.
#include "common/philox.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/vec.h"

namespace mmpo {
namespace {

// One call of philox on 16 lanes gives 128 columns 16 bits each: 16 neighbours take the lower halves of a word, the next 16
// the upper halves. The number of lanes is the same for every capability, and so is the mask.
constexpr int64_t kPhiloxLanes = 16;
constexpr int64_t kBlockColumns = 8 * kPhiloxLanes;

// keep[i] is all ones or all zeros, for the kBlockColumns columns from column on.
inline void draw(const DropoutStream& stream, int64_t row, int64_t column, uint32_t (&keep)[kBlockColumns]) {
  uint32_t words[4][kPhiloxLanes];
  const auto first = static_cast<uint32_t>(column / kBlockColumns * kPhiloxLanes);
  for (uint32_t lane = 0; lane < kPhiloxLanes; ++lane) {
    words[0][lane] = first + lane;
    words[1][lane] = static_cast<uint32_t>(row);
    words[2][lane] = stream.stream;
    words[3][lane] = 0;
  }
  philox(stream.key, words);
  for (int64_t word = 0; word < 4; ++word) {
    uint32_t* lower = keep + 2 * word * kPhiloxLanes;
    for (int64_t lane = 0; lane < kPhiloxLanes; ++lane) {
      lower[lane] = (words[word][lane] & 0xFFFF) >= stream.threshold ? ~uint32_t{0} : 0;
      lower[kPhiloxLanes + lane] = (words[word][lane] >> 16) >= stream.threshold ? ~uint32_t{0} : 0;
    }
  }
}

inline float select(uint32_t keep, float value) { return keep != 0 ? value : 0.0F; }
inline c10::BFloat16 select(uint32_t keep, c10::BFloat16 value) {
  return {static_cast<uint16_t>(value.x & keep), c10::BFloat16::from_bits()};
}

// body(first column, columns, keep) for every block of every row.
template <typename Body>
void for_each_block(int64_t num_rows, int64_t columns, const DropoutStream& stream, const Body& body) {
  at::parallel_for(0, num_rows, row_grain(columns), [&](int64_t begin, int64_t end) {
    uint32_t keep[kBlockColumns];
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t column = 0; column < columns; column += kBlockColumns) {
        draw(stream, stream.first_row + row, column, keep);
        body(row, column, std::min(kBlockColumns, columns - column), keep);
      }
    }
  });
}

}  // namespace

template <typename T, typename Capability>
void CpuKernels<T, Capability>::dropout(Rows<const T> x, const DropoutStream& stream, Rows<T> out) {
  for_each_block(x.count, x.columns, stream, [&](int64_t row, int64_t column, int64_t count, const uint32_t* keep) {
    const T* from = x[row] + column;
    T* to = out[row] + column;
    for (int64_t i = 0; i < count; ++i) to[i] = select(keep[i], from[i]);
  });
}

template <typename T, typename Capability>
void CpuKernels<T, Capability>::dropout_backward(Rows<const float> grad, Rows<const T> x, const DropoutStream& stream,
                                                 Rows<T> kept, Rows<T> grad_x) {
  for_each_block(x.count, x.columns, stream, [&](int64_t row, int64_t column, int64_t count, const uint32_t* keep) {
    const float* from = grad[row] + column;
    T* sum = grad_x[row] + column;
    for (int64_t i = 0; i < count; ++i) sum[i] = static_cast<T>(static_cast<float>(sum[i]) + select(keep[i], from[i]));
    const T* input = x[row] + column;
    T* to = kept[row] + column;
    for (int64_t i = 0; i < count; ++i) to[i] = select(keep[i], input[i]);
  });
}

#define MMPO_INSTANTIATE(T)                                                                           \
  template void CpuKernels<T, CPU_CAPABILITY>::dropout(Rows<const T>, const DropoutStream&, Rows<T>); \
  template void CpuKernels<T, CPU_CAPABILITY>::dropout_backward(Rows<const float>, Rows<const T>,     \
                                                                const DropoutStream&, Rows<T>, Rows<T>);
MMPO_INSTANTIATE(float)
MMPO_INSTANTIATE(c10::BFloat16)
#undef MMPO_INSTANTIATE

}  // namespace mmpo
