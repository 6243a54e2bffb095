# -DMMPO_CUDA=ON: finds or fetches what a CUDA build needs, enables the language and defines the target mmpo_cuda_libtorch.
#
#   nvcc 13      the one of CUDACXX, CUDA_HOME, PATH or /usr/local/cuda, else pip's cuda-toolkit in the cache
#   LibTorch     MMPO_LIBTORCH's own CUDA libraries, else libc10_cuda.so of the torch wheel that Maven's version names, in the
#                cache (its headers are in every LibTorch of ours)
# A machine without a GPU compiles and links all of it; nothing of it runs there.
set(MMPO_CUDA_TOOLKIT_VERSION 13.0.3.0)
set(MMPO_NVCC_MINIMUM 13.0)

# Its release, or nothing where it is no nvcc.
function(mmpo_nvcc_version nvcc out_version)
  execute_process(COMMAND "${nvcc}" --version OUTPUT_VARIABLE text ERROR_QUIET RESULT_VARIABLE result)
  string(REGEX MATCH "release ([0-9.]+)" matched "${text}")
  set(${out_version} "${CMAKE_MATCH_1}" PARENT_SCOPE)
endfunction()

function(mmpo_assemble_cuda what version directory)
  if(EXISTS "${directory}")
    return()
  endif()
  find_program(PYTHON3 NAMES python3)
  if(NOT PYTHON3)
    message(FATAL_ERROR "python3 is needed to fetch CUDA's ${what}. Install it: sudo apt-get install -y python3 python3-pip")
  endif()
  execute_process(
    COMMAND "${PYTHON3}" "${PROJECT_SOURCE_DIR}/../cmake/assemble_cuda.py" "${what}" --version "${version}" --output "${directory}"
    RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "CUDA's ${what} ${version} could not be fetched; the reason stands above.")
  endif()
endfunction()

function(mmpo_find_nvcc out_nvcc)
  foreach(candidate IN ITEMS "$ENV{CUDACXX}" "$ENV{CUDA_HOME}/bin/nvcc" "nvcc" "/usr/local/cuda/bin/nvcc")
    find_program(program NAMES "${candidate}" NO_CACHE)
    if(program)
      mmpo_nvcc_version("${program}" version)
      if(version VERSION_GREATER_EQUAL MMPO_NVCC_MINIMUM)
        file(REAL_PATH "${program}" program)
        set(${out_nvcc} "${program}" PARENT_SCOPE)
        return()
      endif()
      message(STATUS "nvcc ${version} (${program}) is passed over: ${MMPO_NVCC_MINIMUM} or newer is wanted")
    endif()
    unset(program)
  endforeach()
  set(directory "${MMPO_CACHE}/cuda-${MMPO_CUDA_TOOLKIT_VERSION}")
  mmpo_assemble_cuda(toolkit ${MMPO_CUDA_TOOLKIT_VERSION} "${directory}")
  set(${out_nvcc} "${directory}/bin/nvcc" PARENT_SCOPE)
endfunction()

if(NOT CMAKE_CUDA_COMPILER)
  mmpo_find_nvcc(CMAKE_CUDA_COMPILER)
endif()
# Machine code for A100 and H100, and PTX from which the driver compiles for what comes later.
set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
# CMake before 3.26 does not know that nvcc has it.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG -lineinfo")
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
enable_language(CUDA)
get_filename_component(MMPO_CUDA_TOOLKIT "${CMAKE_CUDA_COMPILER}" DIRECTORY)
get_filename_component(MMPO_CUDA_TOOLKIT "${MMPO_CUDA_TOOLKIT}" DIRECTORY)

add_library(mmpo_cuda_libtorch INTERFACE)
if(MMPO_LIBTORCH)
  set(libraries "${MMPO_LIBTORCH}/lib")
  foreach(library IN ITEMS libtorch_cuda.so libc10_cuda.so)
    if(NOT EXISTS "${libraries}/${library}")
      message(FATAL_ERROR "A LibTorch with CUDA is wanted for MMPO_CUDA, but ${libraries} has no ${library}. Give MMPO_LIBTORCH "
                          "the directory of a torch built for CUDA 13 (python3 -m pip install torch), or leave it out.")
    endif()
  endforeach()
  target_link_libraries(mmpo_cuda_libtorch INTERFACE "${libraries}/libtorch_cuda.so")
else()
  mmpo_version_from_pom(pytorch version)
  string(REGEX REPLACE "-.*" "" version "${version}")
  mmpo_assemble_cuda(libtorch ${version} "${MMPO_CACHE}/libtorch-cuda-${version}")
  set(libraries "${MMPO_CACHE}/libtorch-cuda-${version}/lib")
  # libtorch_cuda.so must be loaded with ours, because it brings ATen's CUDA kernels, but nothing of ours refers to it by a
  # symbol. So to link, an empty library of that name does, instead of 450 MB.
  file(WRITE "${CMAKE_BINARY_DIR}/empty.c" "")
  add_library(mmpo_empty_torch_cuda SHARED "${CMAKE_BINARY_DIR}/empty.c")
  set_target_properties(mmpo_empty_torch_cuda PROPERTIES OUTPUT_NAME torch_cuda LIBRARY_OUTPUT_DIRECTORY empty)
  target_link_libraries(mmpo_cuda_libtorch INTERFACE mmpo_empty_torch_cuda)
endif()
find_library(MMPO_CUDART cudart HINTS "${MMPO_CUDA_TOOLKIT}" PATH_SUFFIXES lib64 lib targets/x86_64-linux/lib NO_DEFAULT_PATH)
if(NOT MMPO_CUDART)
  message(FATAL_ERROR "${CMAKE_CUDA_COMPILER} was found, but no libcudart.so beside it. "
                      "Install it: sudo apt-get install -y cuda-cudart-dev-13-0")
endif()
target_include_directories(mmpo_cuda_libtorch SYSTEM INTERFACE ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
target_link_libraries(mmpo_cuda_libtorch INTERFACE "${libraries}/libc10_cuda.so" "${MMPO_CUDART}")
# What these need in their turn (cuBLAS, cuDNN, NCCL ...) is found when they are loaded, not here.
target_link_options(mmpo_cuda_libtorch INTERFACE -Wl,--allow-shlib-undefined)
# For programs that are run where they were built; pip installs CUDA's libraries beside torch.
set(MMPO_CUDA_RPATH "${MMPO_LIBTORCH}/../nvidia/cu13/lib" "${MMPO_CUDA_TOOLKIT}/lib64")
message(STATUS "CUDA ${CMAKE_CUDA_COMPILER_VERSION}: ${CMAKE_CUDA_COMPILER}, LibTorch's CUDA libraries: ${libraries}")
