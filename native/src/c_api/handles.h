// What the opaque handles of mmpo.h are, and the checks that every entry point shares.
#pragma once

#include "common/error.h"
#include "mmpo/mmpo.h"
#include "model/load_parameters.h"
#include "model/model.h"
#include "train/trainer.h"

struct mmpo_model {
  mmpo::Model model;
};

struct mmpo_trainer {
  mmpo::Trainer trainer;
};

namespace mmpo {

template <typename T>
void require_not_null(const T* pointer, const char* name) {
  require(pointer != nullptr, name, " must not be NULL");
}

// read: null where the tensors' data is in memory. The result refers to what is passed.
inline ReadWeights reader_of(const mmpo_tensor* tensors, mmpo_read_weights read, void* context) {
  if (read == nullptr) return nullptr;
  return [tensors, read, context](size_t index, int64_t offset, int64_t num_bytes, void* out) {
    if (read(context, static_cast<int64_t>(index), offset, num_bytes, out) != 0) {
      fail(MMPO_INTERNAL, "weight '", tensors[index].name, "' cannot be read");
    }
  };
}

inline void check_batch_for(const Model& model, const mmpo_batch* batch) {
  require_not_null(batch, "batch");
  check_batch(*batch, model.decoder().config()->vocab_size);
}

}  // namespace mmpo
