// Block-wise 8-bit AdamW, a warp for each block of 256 moments. Legend: ../src/optim/adam8bit.h.
// Every product and sum is written as the rounded operation that it is: the bits are those of the CPU and of bitsandbytes.
#include "cuda/pack.cuh"
#include "cuda/reduce.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = 256;
constexpr int kElements = kAdam8bitBlock / kWarp;
// Blocks of threads for a multiprocessor: each brings the code books into its shared memory, and so there are not more.
constexpr int64_t kResidentBlocks = 8;

using Moments = Floats<kElements>;
using Codes = Pack<uint8_t, kElements>;

__device__ __forceinline__ void copy_book(const CodeBook& from, CodeBook& to) {
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
    to.value[i] = from.value[i];
    to.last[i] = from.last[i];
  }
  for (unsigned i = threadIdx.x; i < sizeof(from.first); i += blockDim.x) to.first[i] = from.first[i];
}

// The code of the nearest value. x in [-1, 1].
__device__ __forceinline__ int nearest(const CodeBook& book, float x) {
  const int magnitude = static_cast<int>((as_bits(x) & 0x7FFFFFFF) >> CodeBook::kBinShift);
  const int bin = (magnitude > CodeBook::kFirstBin ? magnitude : CodeBook::kFirstBin) - CodeBook::kFirstBin;
  const int code = book.first[bin + (x < 0.0f ? CodeBook::kBins : 0)];
  return code + (x > book.last[code] ? 1 : 0);
}

__device__ __forceinline__ Moments dequantize(const Codes& codes, const CodeBook& book, float absmax) {
  Moments values;
#pragma unroll
  for (int i = 0; i < kElements; ++i) values.at[i] = __fmul_rn(book.value[codes.value[i]], absmax);
  return values;
}

template <bool is_signed>
__device__ __forceinline__ Codes quantize(const Moments& values, const CodeBook& book, float absmax) {
  Codes codes;
#pragma unroll
  for (int i = 0; i < kElements; ++i) {
    const float value = values.at[i];
    int code = nearest(book, absmax > 0 ? __fdiv_rn(value, absmax) : 0.0f);
    if (is_signed && value < 0.0f && code == kZeroCode) --code;
    codes.value[i] = static_cast<uint8_t>(code);
  }
  return codes;
}

__global__ void __launch_bounds__(kThreads)
    update(Adam8bitArrays a, Adam8bitScalars s, const CodeBook* book1, const CodeBook* book2, bool aligned) {
  __shared__ CodeBook first_book;
  __shared__ CodeBook second_book;
  copy_book(*book1, first_book);
  copy_book(*book2, second_book);
  __syncthreads();
  constexpr int kWarps = kThreads / kWarp;
  for (int64_t block = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp; block * kAdam8bitBlock < a.count;
       block += int64_t{gridDim.x} * kWarps) {
    const int64_t begin = block * kAdam8bitBlock + int64_t{threadIdx.x % kWarp} * kElements;
    const int64_t left = a.count - begin;
    Floats<kElements> param = a.param != nullptr ? load_floats<kElements>(a.param + begin, left, aligned)
                                                 : load_floats<kElements>(a.bf16_param + begin, left, aligned);
    const Floats<kElements> grad = load_floats<kElements>(a.grad + begin, left, aligned);
    Moments first = dequantize(load<kElements>(a.codes1 + begin, left, aligned), first_book, a.absmax1[block]);
    Moments second = dequantize(load<kElements>(a.codes2 + begin, left, aligned), second_book, a.absmax2[block]);
    float first_absmax = 0, second_absmax = 0;
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const float g = __fmul_rn(grad.at[i], s.clip);
      float m = __fadd_rn(__fmul_rn(first.at[i], s.beta1), __fmul_rn(s.one_minus_beta1, g));
      float v = __fadd_rn(__fmul_rn(second.at[i], s.beta2), __fmul_rn(__fmul_rn(s.one_minus_beta2, g), g));
      const bool finite = v <= 3.402823466e+38f;
      m = finite ? m : 0.0f;
      v = finite ? v : 0.0f;
      const float direction = __fdiv_rn(m, __fadd_rn(__fsqrt_rn(v), s.epsilon));
      const float moved = __fadd_rn(param.at[i], __fmul_rn(s.step_size, direction));
      param.at[i] = finite ? __fmul_rn(moved, s.decay) : param.at[i];
      // What lies past a short block's end has moments as well, of the code 0, and counts for nothing.
      first.at[i] = i < left ? m : 0.0f;
      second.at[i] = i < left ? v : 0.0f;
      first_absmax = larger(first_absmax, fabsf(first.at[i]));
      second_absmax = larger(second_absmax, second.at[i]);
    }
    first_absmax = warp_max(first_absmax);
    second_absmax = warp_max(second_absmax);
    if (a.param != nullptr) store_floats(a.param + begin, param, left, aligned);
    store(a.codes1 + begin, quantize<true>(first, first_book, first_absmax), left, aligned);
    store(a.codes2 + begin, quantize<false>(second, second_book, second_absmax), left, aligned);
    if (a.bf16_param != nullptr) store_floats(a.bf16_param + begin, param, left, aligned);
    if (threadIdx.x % kWarp == 0) {
      a.absmax1[block] = first_absmax;
      a.absmax2[block] = second_absmax;
    }
  }
}

}  // namespace

template <typename Platform>
void CudaAdam8bit<Platform>::step(const Adam8bitArrays& a, const Adam8bitScalars& scalars, const CodeBook* book1,
                                  const CodeBook* book2, cudaStream_t stream) {
  const bool aligned = is_aligned<kElements>(a.param) && is_aligned<kElements>(a.grad) &&
                       is_aligned<kElements>(a.codes1) && is_aligned<kElements>(a.codes2) &&
                       is_aligned<kElements>(a.bf16_param);
  const int64_t wanted = ceil_div(a.count, kAdam8bitBlock * (kThreads / kWarp));
  launch(update, blocks(std::min(wanted, multiprocessors() * kResidentBlocks)), kThreads, stream, a, scalars, book1,
         book2, aligned);
}

template struct CudaAdam8bit<CUDA_PLATFORM>;

}  // namespace mmpo
