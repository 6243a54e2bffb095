// The tile instructions of Intel AMX in plain C++ (Software Developer's Manual vol. 2, "TDPBF16PS" and its neighbours), in place of
// <immintrin.h>'s, and then matrix_units.h made of them: so its test runs on any processor. They refuse what the hardware refuses.
#pragma once

#include <c10/util/BFloat16.h>
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace mmpo::emulated_tiles {

constexpr int kTiles = 8, kMostRows = 16, kMostBytes = 64;

struct Tile {
  int rows = 0, row_bytes = 0;
  uint8_t bytes[kMostRows][kMostBytes] = {};
};

struct Registers {
  bool configured = false;
  Tile tiles[kTiles];

  Tile& at(int tile) {
    if (!configured || tiles[tile].rows == 0) throw std::logic_error("a tile is used that has no shape");
    return tiles[tile];
  }
};

inline thread_local Registers registers;

inline void load_config(const void* config) {
  uint8_t bytes[64];
  std::memcpy(bytes, config, sizeof(bytes));
  for (int i = 1; i < 16; ++i) {
    if (bytes[0] != 1 || bytes[i] != 0) throw std::logic_error("the tiles' shapes are not those of palette 1");
  }
  registers = {};
  for (int i = 0; i < kTiles; ++i) {
    uint16_t row_bytes = 0;
    std::memcpy(&row_bytes, bytes + 16 + 2 * i, sizeof(row_bytes));
    if (row_bytes > kMostBytes || bytes[48 + i] > kMostRows) throw std::logic_error("a tile's shape is too large");
    registers.tiles[i].rows = bytes[48 + i];
    registers.tiles[i].row_bytes = row_bytes;
  }
  registers.configured = true;
}

inline void load(int tile, const void* base, int64_t stride) {
  Tile& to = registers.at(tile);
  std::memset(to.bytes, 0, sizeof(to.bytes));
  for (int i = 0; i < to.rows; ++i) {
    std::memcpy(to.bytes[i], static_cast<const uint8_t*>(base) + i * stride, static_cast<size_t>(to.row_bytes));
  }
}

inline void store(int tile, void* base, int64_t stride) {
  const Tile& from = registers.at(tile);
  for (int i = 0; i < from.rows; ++i) {
    std::memcpy(static_cast<uint8_t*>(base) + i * stride, from.bytes[i], static_cast<size_t>(from.row_bytes));
  }
}

inline void zero(int tile) { std::memset(registers.at(tile).bytes, 0, sizeof(Tile::bytes)); }

inline void add_products(int sums, int left, int right) {
  Tile& c = registers.at(sums);
  const Tile& a = registers.at(left);
  const Tile& b = registers.at(right);
  if (c.rows != a.rows || c.row_bytes != b.row_bytes || a.row_bytes / 4 != b.rows) {
    throw std::logic_error("tiles are multiplied whose shapes do not fit");
  }
  const auto element = [](const Tile& tile, int row, int column) {
    c10::BFloat16 value;
    std::memcpy(&value, tile.bytes[row] + 2 * column, sizeof(value));
    return static_cast<float>(value);
  };
  for (int m = 0; m < c.rows; ++m) {
    for (int n = 0; n < c.row_bytes / 4; ++n) {
      float sum = 0;
      std::memcpy(&sum, c.bytes[m] + 4 * n, sizeof(sum));
      for (int k = 0; k < a.row_bytes / 4; ++k) {
        sum += element(a, m, 2 * k) * element(b, k, 2 * n);
        sum += element(a, m, 2 * k + 1) * element(b, k, 2 * n + 1);
      }
      std::memcpy(c.bytes[m] + 4 * n, &sum, sizeof(sum));
    }
  }
}

}  // namespace mmpo::emulated_tiles

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_loadd
#undef _tile_stored
#undef _tile_zero
#undef _tile_dpbf16ps
#define _tile_loadconfig(config) ::mmpo::emulated_tiles::load_config(config)
#define _tile_release() (::mmpo::emulated_tiles::registers.configured = false)
#define _tile_loadd(tile, base, stride) ::mmpo::emulated_tiles::load(tile, base, stride)
#define _tile_stored(tile, base, stride) ::mmpo::emulated_tiles::store(tile, base, stride)
#define _tile_zero(tile) ::mmpo::emulated_tiles::zero(tile)
#define _tile_dpbf16ps(sums, left, right) ::mmpo::emulated_tiles::add_products(sums, left, right)

#include "kernels/cpu/matrix_units.h"
