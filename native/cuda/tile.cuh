// Tiles of matrices in shared memory, filled by a whole block: every thread moves packs of 8 elements.
#pragma once

#include "cuda/pack.cuh"

namespace mmpo {
namespace {

// Of a block that works on tiles.
constexpr int kTileThreads = 128;
constexpr int kElements = 8;

// Rows are 16 bytes longer than the matrix: so the same columns of neighbouring rows lie in different banks.
template <typename T, int kTileRows, int kTileColumns>
struct alignas(32) Tile {
  static constexpr int kStride = kTileColumns + kWidth<T>;

  T values[kTileRows * kStride];

  __device__ __forceinline__ T* at(int row, int column) { return values + row * kStride + column; }
};

// Where a pack of elements is, in a tile or in a matrix.
struct InTile {
  int row, column;
};
struct Place {
  int64_t row, column;
};

// Whether rows begin where packs do, and are whole packs.
template <typename T>
bool is_whole(const Rows<T>& rows) {
  return is_aligned<kElements>(rows) && rows.columns % kElements == 0;
}

// body(place in the tile, place in the matrix, pack, elements that are there) for every pack of a tile that begins at `first`
// of the matrix; what lies beyond the matrix's ends is zero. whole: is_whole() of the matrix. Thread t has packs t, t + 128 ...
// of the tile, row by row, and all threads of a warp come together. The whole block calls it.
template <int kTileRows, int kTileColumns, typename T, typename Body>
__device__ __forceinline__ void for_each_pack_of_tile(const Rows<T>& matrix, Place first, bool whole,
                                                      const Body& body) {
  using Elements = Pack<std::remove_const_t<T>, kElements>;
  constexpr int kPacks = kTileColumns / kElements;
  constexpr int kTurns = kTileRows * kPacks / kTileThreads;
  const auto place_in_tile = [](int turn) {
    const int pack = turn * kTileThreads + static_cast<int>(threadIdx.x);
    return InTile{pack / kPacks, pack % kPacks * kElements};
  };
  const auto place_of_turn = [&](int turn) {
    const InTile in_tile = place_in_tile(turn);
    return Place{first.row + in_tile.row, first.column + in_tile.column};
  };
  if (whole) {
    // All are on their way before the first is waited for.
    Elements packs[kTurns] = {};
    bool there[kTurns];
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
      const auto [row, column] = place_of_turn(turn);
      there[turn] = row < matrix.count && column < matrix.columns;
      if (there[turn]) packs[turn] = *reinterpret_cast<const Elements*>(matrix[row] + column);
    }
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
      body(place_in_tile(turn), place_of_turn(turn), packs[turn], there[turn] ? int64_t{kElements} : 0);
    }
  } else {
#pragma unroll 1
    for (int turn = 0; turn < kTurns; ++turn) {
      const auto [row, column] = place_of_turn(turn);
      const int64_t left = row < matrix.count ? matrix.columns - column : 0;
      Elements pack = load<kElements, std::remove_const_t<T>>(matrix[row] + column, left, false);
      body(place_in_tile(turn), place_of_turn(turn), pack, left);
    }
  }
}

// Fills the tile with what begins at `first`; edit(row of the matrix, pack) comes before.
template <typename T, int kTileRows, int kTileColumns, typename Edit>
__device__ __forceinline__ void load_tile(const Rows<const T>& from, Place first, bool whole,
                                          Tile<T, kTileRows, kTileColumns>& tile, const Edit& edit) {
  for_each_pack_of_tile<kTileRows, kTileColumns>(
      from, first, whole, [&](InTile in_tile, Place in_matrix, Pack<T, kElements>& pack, int64_t) {
        edit(in_matrix.row, pack);
        *reinterpret_cast<Pack<T, kElements>*>(tile.at(in_tile.row, in_tile.column)) = pack;
      });
}
template <typename T, int kTileRows, int kTileColumns>
__device__ __forceinline__ void load_tile(const Rows<const T>& from, Place first, bool whole,
                                          Tile<T, kTileRows, kTileColumns>& tile) {
  load_tile(from, first, whole, tile, [](int64_t, Pack<T, kElements>&) {});
}

template <typename T>
__device__ __forceinline__ Rows<T> rows_of(const Rows<T>& matrix, int64_t first, int64_t count) {
  return {matrix.data + first * matrix.stride, count, matrix.columns, matrix.stride};
}
template <typename T>
__device__ __forceinline__ Rows<T> columns_of(const Rows<T>& matrix, int64_t first, int64_t count) {
  return {matrix.data + first, matrix.count, count, matrix.stride};
}

}  // namespace
}  // namespace mmpo
