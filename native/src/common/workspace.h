// Memory of a slice of a batch: handed out from one end, taken back all at once, kept for the next one. On a GPU it is
// LibTorch's caching allocator that keeps memory, in the order of the stream: what is handed out goes back when its last tensor
// does, so that no more is held than is used at once.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "common/reserved_memory.h"

namespace mmpo {

using at::Tensor;

class Workspace {
 public:
  explicit Workspace(at::Device device = at::kCPU) : device_(device) {}

  at::Device device() const { return device_; }

  // Uninitialised, 64-byte aligned; valid until rewind() passes it or reset().
  Tensor allocate(at::IntArrayRef shape, at::ScalarType dtype);

  // A position to come back to: what was allocated since is taken back, the memory stays.
  using Mark = int64_t;
  Mark mark() const { return used_; }
  void rewind(Mark mark) { used_ = mark; }

  // Takes back everything.
  void reset() { used_ = 0; }

  // What it has grown to: nothing on a GPU.
  int64_t bytes() const { return memory_.bytes(); }

 private:
  at::Device device_;
  ReservedMemory memory_;
  int64_t used_ = 0;
};

// Rows of a matrix by their numbers (int64), one after the other, in memory of the workspace.
Tensor take_rows(const Tensor& x_TK, const Tensor& rows_R, Workspace& workspace);

// Rewinds when the scope ends.
class WorkspaceScope {
 public:
  explicit WorkspaceScope(Workspace& workspace) : workspace_(workspace), mark_(workspace.mark()) {}
  ~WorkspaceScope() { workspace_.rewind(mark_); }
  WorkspaceScope(const WorkspaceScope&) = delete;
  WorkspaceScope& operator=(const WorkspaceScope&) = delete;

 private:
  Workspace& workspace_;
  Workspace::Mark mark_;
};

}  // namespace mmpo
