// Sixteen bytes at a time where memory is aligned to that, elements one by one where it is not or where a row ends.
#pragma once

#include <type_traits>

#include "cuda/platform.cuh"

namespace mmpo {
namespace {

// Elements of T in 16 bytes.
template <typename T>
constexpr int kWidth = 16 / static_cast<int>(sizeof(T));

// N elements as they lie in memory.
template <typename T, int N = kWidth<T>>
struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack {
  T value[N];

  __device__ __forceinline__ void set(int i, T element) { value[i] = element; }
};

// Two bfloat16 numbers share a register until they are unpacked.
template <int N>
struct alignas(N * 2 < 16 ? N * 2 : 16) Pack<c10::BFloat16, N> {
  uint32_t words[N / 2];

  __device__ __forceinline__ void set(int i, c10::BFloat16 element) {
    words[i / 2] = i % 2 == 0 ? element.x : words[i / 2] | static_cast<uint32_t>(element.x) << 16;
  }
};

// N numbers to compute with.
template <int N>
struct Floats {
  float at[N];
};

template <int N>
__device__ __forceinline__ Floats<N> unpack(const Pack<float, N>& pack) {
  Floats<N> numbers;
#pragma unroll
  for (int i = 0; i < N; ++i) numbers.at[i] = pack.value[i];
  return numbers;
}

// The upper half of a float is a bfloat16.
template <int N>
__device__ __forceinline__ Floats<N> unpack(const Pack<c10::BFloat16, N>& pack) {
  Floats<N> numbers;
#pragma unroll
  for (int i = 0; i < N; i += 2) {
    numbers.at[i] = as_float(pack.words[i / 2] << 16);
    numbers.at[i + 1] = as_float(pack.words[i / 2] & 0xFFFF0000);
  }
  return numbers;
}

// Rounded to T.
template <typename T, int N>
__device__ __forceinline__ Pack<T, N> pack(const Floats<N>& numbers) {
  Pack<T, N> result;
  if constexpr (std::is_same_v<T, c10::BFloat16>) {
#pragma unroll
    for (int i = 0; i < N; i += 2) result.words[i / 2] = round_to_bfloat16(numbers.at[i], numbers.at[i + 1]);
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i) result.value[i] = numbers.at[i];
  }
  return result;
}

template <typename T, int N>
constexpr size_t kAlignment = alignof(Pack<std::remove_const_t<T>, N>);

// Whether packs of N that begin at multiples of N can be moved whole.
template <int N, typename T>
bool is_aligned(const T* data) {
  return reinterpret_cast<uintptr_t>(data) % kAlignment<T, N> == 0;
}

template <int N, typename T>
bool is_aligned(const Rows<T>& rows) {
  const auto keeps = [](int64_t stride) { return static_cast<size_t>(stride) * sizeof(T) % kAlignment<T, N> == 0; };
  return is_aligned<N>(rows.data) && (rows.count <= 1 || (keeps(rows.stride) && keeps(rows.run_stride)));
}

// The elements at from, of which `left` are there; `filler` for the others.
template <int N, typename T>
__device__ __forceinline__ Pack<T, N> load(const T* from, int64_t left, bool aligned, T filler = T(0.0f)) {
  if (aligned && left >= N) return *reinterpret_cast<const Pack<T, N>*>(from);
  Pack<T, N> pack;
#pragma unroll
  for (int i = 0; i < N; ++i) pack.set(i, i < left ? from[i] : filler);
  return pack;
}

template <int N, typename T>
__device__ __forceinline__ Floats<N> load_floats(const T* from, int64_t left, bool aligned) {
  return unpack(load<N>(from, left, aligned));
}

template <int N, typename T>
__device__ __forceinline__ void store(T* to, const Pack<T, N>& pack, int64_t left, bool aligned) {
  if (aligned && left >= N) {
    *reinterpret_cast<Pack<T, N>*>(to) = pack;
    return;
  }
  const T* from = reinterpret_cast<const T*>(&pack);
#pragma unroll
  for (int i = 0; i < N; ++i) {
    if (i < left) to[i] = from[i];
  }
}

// Rounded to T.
template <typename T, int N>
__device__ __forceinline__ void store_floats(T* to, const Floats<N>& numbers, int64_t left, bool aligned) {
  store(to, pack<T>(numbers), left, aligned);
}

// body(column) for the packs of a row of so many columns that fall to this thread: neighbours take neighbours.
template <int N, typename Body>
__device__ __forceinline__ void for_each_pack(int64_t columns, const Body& body) {
  for (int64_t column = int64_t{threadIdx.x} * N; column < columns; column += int64_t{blockDim.x} * N) body(column);
}

}  // namespace
}  // namespace mmpo
