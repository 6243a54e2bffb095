// LoRA's products with an input behind dropout, forward and backward (../src/kernels/dropout_linear.h): masks are made where
// they are used, bit for bit those of the CPU (../src/kernels/cpu/dropout.cpp), and neither they nor what they leave of x is
// ever in device memory.
//
// A block loads tiles of its operands into shared memory, x through its mask, and multiplies them warp by warp. Sums over many
// terms are cut into parts that several blocks make; a second kernel adds these up in their order. How they are cut depends on
// shapes alone. Blocks that read the same tile of x for other products or ranks are neighbours, so that it comes from the
// second-level cache for all but one of them.
//
// Shapes: T tokens, K columns, r rank; P products read x [T, K], each with r rows of weight [P r, K], and r columns of grad and
// out [T, P r].
#include "common/philox.h"
#include "cuda/tile.cuh"
#include "cuda/warp_product.cuh"

namespace mmpo {
namespace {

constexpr int kThreads = kTileThreads;  // 2 x 2 warps share a product
constexpr int kPhiloxLanes = 16;
// Columns of a tile of x: those that 16 draws decide about.
constexpr int kColumns = kPhiloxLanes * kElements;
// Tokens or ranks of a tile. Two tiles of x's width fit into the 48 KiB that every block may have.
template <typename T>
constexpr int kSide = sizeof(T) == 2 ? 64 : 32;
// Ranks of one warp's product; partial sums have whole multiples.
template <typename T>
constexpr int kWarpRanks = kSide<T> / 2;
// As many as an H100's 132 multiprocessors run at once.
constexpr int kBlocksAtOnce = 3;
constexpr int64_t kBlocksWanted = 132 * kBlocksAtOnce;
constexpr int64_t kFewestTiles = 4;  // of a part

int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

// Bit i: whether element i of this lane's pack is kept, where half a warp has the 16 packs of a row of a tile. One draw of
// philox is 128 bits and decides about 8 columns that lie 16 apart: lane l draws for columns 32 w + l (lower half of word w)
// and 32 w + 16 + l (upper half). By 8 ballots every lane knows those of 8 columns side by side. The whole warp calls it, with rows
// beyond the matrix too, which have no number.
__device__ __forceinline__ unsigned draw(const DropoutStream& mask, int64_t row, int64_t num_rows,
                                         int64_t column_tile) {
  const unsigned lane = threadIdx.x % kWarp;
  const unsigned half_lane = lane % kPhiloxLanes;
  const int64_t number = row < num_rows ? mask.number(row) : 0;
  uint32_t words[4][1] = {{static_cast<uint32_t>(column_tile) * kPhiloxLanes + half_lane},
                          {static_cast<uint32_t>(number)},
                          {mask.stream},
                          {static_cast<uint32_t>(number >> 32)}};
  philox(mask.key, words);
  // Of the 16 neighbours that one half of a word decides about, this lane's 8 are the first or the last.
  const unsigned wanted = half_lane / 2;
  unsigned bits = 0;
#pragma unroll
  for (unsigned word = 0; word < 4; ++word) {
    const unsigned lower = __ballot_sync(kAllLanes, (words[word][0] & 0xFFFF) >= mask.threshold);
    const unsigned upper = __ballot_sync(kAllLanes, (words[word][0] >> 16) >= mask.threshold);
    if (wanted == 2 * word) bits = lower;
    if (wanted == 2 * word + 1) bits = upper;
  }
  return bits >> (lane / kPhiloxLanes * kPhiloxLanes + lane % 2 * kElements);
}

__device__ __forceinline__ void keep(unsigned kept, Pack<float, kElements>& pack) {
#pragma unroll
  for (int i = 0; i < kElements; ++i) pack.value[i] = (kept >> i & 1) != 0 ? pack.value[i] : 0.0f;
}
__device__ __forceinline__ void keep(unsigned kept, Pack<c10::BFloat16, kElements>& pack) {
#pragma unroll
  for (int i = 0; i < kElements; i += 2) {
    pack.words[i / 2] &= ((kept >> i & 1) != 0 ? 0xFFFFU : 0) | ((kept >> i & 2) != 0 ? 0xFFFF0000U : 0);
  }
}

// A tile of x through its mask.
template <typename T>
__device__ __forceinline__ void load_kept(const Rows<const T>& x, const DropoutStream& mask, int64_t first_token,
                                          int64_t column_tile, bool whole, Tile<T, kSide<T>, kColumns>& tile) {
  load_tile(x, {first_token, column_tile * kColumns}, whole, tile,
            [&](int64_t row, Pack<T, kElements>& pack) { keep(draw(mask, row, x.count, column_tile), pack); });
}

// Results of P products, [rows, columns] each, in parts that sum up `tiles` tiles of terms.
struct Parts {
  float* sums;  // [count, products, rows, columns]
  int64_t count, tiles;
  int64_t products, rows, columns;
  int64_t rank, rank_tiles;

  int64_t size() const { return count * products * rows * columns; }
  __device__ __forceinline__ float* of(int64_t part, int64_t product) const {
    return sums + (part * products + product) * rows * columns;
  }
};

// What a block has to do: blocks (tile, product, rank tile), rank tiles next to each other, of every part.
struct Share {
  int64_t tile, product, first_rank, part;

  __device__ __forceinline__ explicit Share(const Parts& parts, int side) : part(blockIdx.y) {
    const auto rank_tiles = static_cast<unsigned>(parts.rank_tiles);
    const auto products = static_cast<unsigned>(parts.products);
    first_rank = int64_t{blockIdx.x % rank_tiles} * side;
    product = blockIdx.x / rank_tiles % products;
    tile = blockIdx.x / rank_tiles / products;
  }
};

// Of the 2 x 2 warps.
__device__ __forceinline__ int warp_row() { return static_cast<int>(threadIdx.x) / kWarp / 2; }
__device__ __forceinline__ int warp_column() { return static_cast<int>(threadIdx.x) / kWarp % 2; }

// The tiles of terms that a part sums up, `width` of so many terms each: the whole block calls load(tile), and then the warps
// that are busy multiply().
template <typename Load, typename Multiply>
__device__ __forceinline__ void for_each_tile_of(const Parts& parts, int64_t part, int64_t terms, int width, bool busy,
                                                 const Load& load, const Multiply& multiply) {
  const int64_t first = part * parts.tiles;
  for (int64_t tile = first; tile < first + parts.tiles && tile * width < terms; ++tile) {
    load(tile);
    __syncthreads();
    if (busy) multiply();
    __syncthreads();
  }
}

// parts = (mask o x) weight^T of a tile of tokens.
template <typename T>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    multiply_kept(Rows<const T> x, Rows<const T> weight, const __grid_constant__ DropoutMasks masks, Parts parts,
                  bool whole) {
  __shared__ Tile<T, kSide<T>, kColumns> kept, weights;
  constexpr int kTokens = kSide<T> / 2;
  const Share share(parts, kSide<T>);
  const DropoutStream mask = masks.at[share.product];
  const Rows<const T> own = rows_of(weight, share.product * parts.rank, parts.rank);
  const int64_t first_token = share.tile * kSide<T>;
  const int token = warp_row() * kTokens;
  const int rank = warp_column() * kWarpRanks<T>;
  const bool busy = share.first_rank + rank < parts.rank;
  float* const to =
      parts.of(share.part, share.product) + (first_token + token) * parts.columns + share.first_rank + rank;
  WarpProduct<T, kTokens, kWarpRanks<T>> sum;
  const auto load = [&](int64_t tile) {
    load_kept(x, mask, first_token, tile, whole, kept);
    load_tile(own, {share.first_rank, tile * kColumns}, whole, weights);
  };
  for_each_tile_of(parts, share.part, x.columns, kColumns, busy, load, [&] {
    for (int k = 0; k < kColumns; k += kProductDepth) {
      sum.template add<wmma::row_major, wmma::col_major>(kept.at(token, k), kept.kStride, weights.at(rank, k),
                                                         weights.kStride);
    }
  });
  if (busy) sum.store(to, parts.columns);
}

// parts = grad^T (mask o x) of a tile of columns.
template <typename T>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    multiply_by_kept(Rows<const T> grad, Rows<const T> x, const __grid_constant__ DropoutMasks masks, Parts parts,
                     bool whole) {
  __shared__ Tile<T, kSide<T>, kColumns> kept;
  __shared__ Tile<T, kSide<T>, kSide<T>> grads;
  const Share share(parts, kSide<T>);
  const DropoutStream mask = masks.at[share.product];
  const Rows<const T> own = columns_of(grad, share.product * parts.rank, parts.rank);
  const int rank = warp_row() * kWarpRanks<T>;
  const int column = warp_column() * kColumns / 2;
  const bool busy = share.first_rank + rank < parts.rank;
  float* const to =
      parts.of(share.part, share.product) + (share.first_rank + rank) * parts.columns + share.tile * kColumns + column;
  WarpProduct<T, kWarpRanks<T>, kColumns / 2> sum;
  const auto load = [&](int64_t tile) {
    const int64_t first_token = tile * kSide<T>;
    load_kept(x, mask, first_token, share.tile, whole, kept);
    load_tile(own, {first_token, share.first_rank}, whole, grads);
  };
  for_each_tile_of(parts, share.part, x.count, kSide<T>, busy, load, [&] {
    for (int k = 0; k < kSide<T>; k += kProductDepth) {
      sum.template add<wmma::col_major, wmma::row_major>(grads.at(k, rank), grads.kStride, kept.at(k, column),
                                                         kept.kStride);
    }
  });
  if (busy) sum.store(to, parts.columns);
}

// grad_x += sum of mask o (grad weight) over the products, in their order; rounded to T each time, as on the CPU.
template <typename T>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
    add_kept_product(Rows<const T> grad, Rows<const T> weight, const __grid_constant__ DropoutMasks masks,
                     Rows<T> grad_x, bool whole) {
  // The product takes the place of its operands.
  __shared__ union {
    struct {
      Tile<T, kSide<T>, kSide<T>> grads;
      Tile<T, kSide<T>, kColumns> weights;
    } operands;
    Tile<float, kSide<T>, kColumns> product;
  } shared;
  constexpr int kTokens = kSide<T> / 2;
  const int64_t rank = weight.count / masks.count;
  const auto column_tiles = static_cast<unsigned>((grad_x.columns + kColumns - 1) / kColumns);
  const int64_t column_tile = blockIdx.x % column_tiles;
  const int64_t first_token = int64_t{blockIdx.x / column_tiles} * kSide<T>;
  const int token = warp_row() * kTokens;
  const int column = warp_column() * kColumns / 2;
  for (int64_t p = 0; p < masks.count; ++p) {
    WarpProduct<T, kTokens, kColumns / 2> sum;
    for (int64_t first_rank = 0; first_rank < rank; first_rank += kSide<T>) {
      auto& [grads, weights] = shared.operands;
      load_tile(columns_of(grad, p * rank, rank), {first_token, first_rank}, whole, grads);
      load_tile(rows_of(weight, p * rank, rank), {first_rank, column_tile * kColumns}, whole, weights);
      __syncthreads();
      for (int k = 0; k < kSide<T> && first_rank + k < rank; k += kProductDepth) {
        sum.template add<wmma::row_major, wmma::row_major>(grads.at(token, k), grads.kStride, weights.at(k, column),
                                                           weights.kStride);
      }
      __syncthreads();
    }
    sum.store(shared.product.at(token, column), shared.product.kStride);
    __syncthreads();
    const DropoutStream mask = masks.at[p];
    for_each_pack_of_tile<kSide<T>, kColumns>(
        grad_x, {first_token, column_tile * kColumns}, whole,
        [&](InTile in_tile, Place in_matrix, const Pack<T, kElements>& pack, int64_t left) {
          const unsigned kept = draw(mask, in_matrix.row, grad_x.count, column_tile);
          auto change =
              *reinterpret_cast<const Pack<float, kElements>*>(shared.product.at(in_tile.row, in_tile.column));
          keep(kept, change);
          Floats<kElements> total = unpack(pack);
#pragma unroll
          for (int i = 0; i < kElements; ++i) total.at[i] += change.value[i];
          if (left > 0) store_floats(grad_x[in_matrix.row] + in_matrix.column, total, left, whole);
        });
    __syncthreads();
  }
}

// out = the sum of the parts in their order: plus what is there where kAdds, else scaled. Product p's begins p * step elements later.
// Block (rows, product and columns): a row for each warp, four columns for each lane.
constexpr int kSumColumns = 4 * kWarp;

template <bool kAdds, typename T>
__global__ void __launch_bounds__(kThreads) sum_parts(Parts parts, Rows<T> out, int64_t step, float scale) {
  const auto column_blocks = static_cast<unsigned>((out.columns + kSumColumns - 1) / kSumColumns);
  const int64_t product = blockIdx.y / column_blocks;
  const int64_t first = int64_t{blockIdx.y % column_blocks} * kSumColumns + threadIdx.x % kWarp;
  const int64_t row = int64_t{blockIdx.x} * (kThreads / kWarp) + threadIdx.x / kWarp;
  if (row >= out.count) return;
  T* const to = out[row] + product * step;
  for (int64_t column = first; column < out.columns && column < first + kSumColumns; column += kWarp) {
    float sum = 0;
    for (int64_t part = 0; part < parts.count; ++part) sum += parts.of(part, product)[row * parts.columns + column];
    if constexpr (kAdds) {
      sum += static_cast<float>(to[column]);
    } else {
      sum *= scale;
    }
    to[column] = static_cast<T>(sum);
  }
}

template <bool kAdds, typename T>
void add_up(const Parts& parts, Rows<T> out, int64_t step, float scale, cudaStream_t stream) {
  launch(sum_parts<kAdds, T>,
         blocks(ceil_div(out.count, kThreads / kWarp), parts.products * ceil_div(out.columns, kSumColumns)), kThreads,
         stream, parts, out, step, scale);
}

// For results of the given rows and columns that num_blocks blocks make, of so many tiles of terms.
Parts parts_of(int64_t rows, int64_t columns, int64_t num_blocks, int64_t num_tiles, int64_t products, int64_t rank,
               int64_t rank_tiles) {
  const int64_t most = std::max<int64_t>(1, num_tiles / kFewestTiles);
  const int64_t wanted = std::clamp<int64_t>(kBlocksWanted / std::max<int64_t>(1, num_blocks), 1, most);
  const int64_t tiles = std::max<int64_t>(1, ceil_div(num_tiles, wanted));
  return {nullptr, ceil_div(num_tiles, tiles), tiles, products, rows, columns, rank, rank_tiles};
}

// Of out: tokens in tiles, columns are terms.
template <typename T>
Parts forward_parts(int64_t tokens, int64_t columns, int64_t rank, int64_t products) {
  const int64_t rank_tiles = ceil_div(rank, kSide<T>);
  return parts_of(round_up(tokens, kSide<T>), round_up(rank, kWarpRanks<T>),
                  ceil_div(tokens, kSide<T>) * products * rank_tiles, ceil_div(columns, kColumns), products, rank,
                  rank_tiles);
}

// Of the weight's gradient: columns in tiles, tokens are terms.
template <typename T>
Parts weight_parts(int64_t tokens, int64_t columns, int64_t rank, int64_t products) {
  const int64_t rank_tiles = ceil_div(rank, kSide<T>);
  return parts_of(round_up(rank, kWarpRanks<T>), round_up(columns, kColumns),
                  ceil_div(columns, kColumns) * products * rank_tiles, ceil_div(tokens, kSide<T>), products, rank,
                  rank_tiles);
}

}  // namespace

template <typename T, typename Platform>
int64_t CudaDropoutLinear<T, Platform>::scratch_size(int64_t tokens, int64_t columns, int64_t rank, int64_t products) {
  return std::max(forward_parts<T>(tokens, columns, rank, products).size(),
                  weight_parts<T>(tokens, columns, rank, products).size());
}

template <typename T, typename Platform>
void CudaDropoutLinear<T, Platform>::forward(Rows<const T> x, Rows<const T> weight, const DropoutMasks& masks,
                                             float scale, float* scratch, Rows<T> out, cudaStream_t stream) {
  const int64_t rank = weight.count / masks.count;
  Parts parts = forward_parts<T>(x.count, x.columns, rank, masks.count);
  parts.sums = scratch;
  launch(multiply_kept<T>, blocks(ceil_div(x.count, kSide<T>) * masks.count * parts.rank_tiles, parts.count), kThreads,
         stream, x, weight, masks, parts, is_whole(x) && is_whole(weight));
  add_up<false>(parts, Rows<T>{out.data, out.count, rank, out.stride}, rank, scale, stream);
}

template <typename T, typename Platform>
void CudaDropoutLinear<T, Platform>::backward(Rows<const T> grad, Rows<const T> x, Rows<const T> weight,
                                              const DropoutMasks& masks, float* scratch, Rows<T> grad_x,
                                              Rows<float> grad_weight, cudaStream_t stream) {
  const int64_t rank = weight.count / masks.count;
  const int64_t column_tiles = ceil_div(x.columns, kColumns);
  const bool whole = is_whole(grad) && rank % kElements == 0;  // so each product's own columns, too
  launch(add_kept_product<T>, blocks(ceil_div(x.count, kSide<T>) * column_tiles), kThreads, stream, grad, weight, masks,
         grad_x, whole && is_whole(weight) && is_whole(grad_x));
  Parts parts = weight_parts<T>(x.count, x.columns, rank, masks.count);
  parts.sums = scratch;
  launch(multiply_by_kept<T>, blocks(column_tiles * masks.count * parts.rank_tiles, parts.count), kThreads, stream,
         grad, x, masks, parts, whole && is_whole(x));
  add_up<true>(parts, Rows<float>{grad_weight.data, rank, grad_weight.columns, grad_weight.stride},
               rank * grad_weight.stride, 1.0f, stream);
}

template struct CudaDropoutLinear<float, CUDA_PLATFORM>;
template struct CudaDropoutLinear<c10::BFloat16, CUDA_PLATFORM>;

}  // namespace mmpo
