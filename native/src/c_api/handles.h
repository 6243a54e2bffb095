// What the opaque handles of mmpo.h are, and the checks that every entry point shares.
#pragma once

#include "common/error.h"
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

inline void check_batch_for(const Model& model, const mmpo_batch* batch) {
  require_not_null(batch, "batch");
  check_batch(*batch, model.decoder().config()->vocab_size);
}

}  // namespace mmpo
