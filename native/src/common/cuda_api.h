// The core refers to the CUDA side by weak symbols, so that one core serves both libraries; the CUDA side defines them.
#pragma once

#ifdef MMPO_CUDA_SOURCES
#define MMPO_CUDA_API
#else
#define MMPO_CUDA_API __attribute__((weak))
#endif
