# Finds LibTorch or assembles it, and defines the target mmpo_libtorch.
#
#   -DMMPO_LIBTORCH=/dir   one existing LibTorch, headers and libraries: an unpacked official archive or the directory of an
#                          installed torch package (2.11 or newer)
#   otherwise              ${XDG_CACHE_HOME:-~/.cache}/mmpo/libtorch-<version>, put together once from Maven's jars and the
#                          headers of the torch wheel of the same version (assemble_libtorch.py)
set(MMPO_LIBTORCH "" CACHE PATH "Existing LibTorch for headers and libraries; empty: Maven's")
set(MMPO_LIBTORCH_MINIMUM 2.11)
# What is fetched once for a user.
if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(MMPO_CACHE "$ENV{XDG_CACHE_HOME}/mmpo")
else()
  set(MMPO_CACHE "$ENV{HOME}/.cache/mmpo")
endif()

# The version stands in the root pom.xml only: 2.13.0-1.5.14 is torch 2.13.0 in JavaCPP's packaging 1.5.14.
function(mmpo_version_from_pom property out_version)
  file(STRINGS "${PROJECT_SOURCE_DIR}/../pom.xml" line REGEX "<${property}\\.version>" LIMIT_COUNT 1)
  string(REGEX REPLACE ".*>([^<]+)<.*" "\\1" version "${line}")
  set(${out_version} "${version}" PARENT_SCOPE)
endfunction()

function(mmpo_assemble_libtorch out_directory)
  mmpo_version_from_pom(pytorch pytorch_version)
  mmpo_version_from_pom(openblas openblas_version)
  set(directory "${MMPO_CACHE}/libtorch-${pytorch_version}")
  if(NOT EXISTS "${directory}")
    set(pytorch_jar "$ENV{MMPO_PYTORCH_JAR}")
    set(openblas_jar "$ENV{MMPO_OPENBLAS_JAR}")
    foreach(jar IN ITEMS "${pytorch_jar}" "${openblas_jar}")
      if(NOT EXISTS "${jar}")
        message(FATAL_ERROR "LibTorch's jars are wanted in MMPO_PYTORCH_JAR and MMPO_OPENBLAS_JAR, found '${jar}'. "
                            "Let Maven fetch and pass them: mvn -pl native generate-resources")
      endif()
    endforeach()
    find_program(PYTHON3 NAMES python3)
    if(NOT PYTHON3)
      message(FATAL_ERROR "python3 is needed to fetch LibTorch's headers. "
                          "Install it: sudo apt-get install -y python3 python3-pip")
    endif()
    string(REGEX REPLACE "-.*" "" torch_version "${pytorch_version}")
    execute_process(
      COMMAND "${PYTHON3}" "${PROJECT_SOURCE_DIR}/../cmake/assemble_libtorch.py" --version "${torch_version}"
              --jar "${pytorch_jar}" --jar "${openblas_jar}" --output "${directory}"
      RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "LibTorch ${torch_version} could not be assembled; the reason stands above.")
    endif()
  endif()
  set(${out_directory} "${directory}" PARENT_SCOPE)
endfunction()

function(mmpo_check_libtorch directory)
  foreach(file IN ITEMS include/ATen/ATen.h lib/libtorch_cpu.so lib/libc10.so)
    if(NOT EXISTS "${directory}/${file}")
      message(FATAL_ERROR "A LibTorch is wanted in ${directory}, but ${file} is missing there. Give -Dmmpo.libtorch (CMake: "
                          "-DMMPO_LIBTORCH) the directory that holds include/ and lib/: an unpacked LibTorch archive or an "
                          "installed torch package.")
    endif()
  endforeach()
  # The numbers have moved between these two.
  foreach(header IN ITEMS torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(EXISTS "${directory}/include/${header}" AND NOT lines)
      file(STRINGS "${directory}/include/${header}" lines REGEX "define TORCH_VERSION_(MAJOR|MINOR) ")
    endif()
  endforeach()
  string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2" version "${lines}")
  if(version VERSION_LESS MMPO_LIBTORCH_MINIMUM)
    message(FATAL_ERROR "LibTorch ${MMPO_LIBTORCH_MINIMUM} or newer is wanted, ${directory} holds '${version}'.")
  endif()
  message(STATUS "LibTorch ${version}: ${directory}")
endfunction()

if(MMPO_LIBTORCH)
  set(MMPO_LIBTORCH_DIRECTORY "${MMPO_LIBTORCH}")
else()
  mmpo_assemble_libtorch(MMPO_LIBTORCH_DIRECTORY)
endif()
mmpo_check_libtorch("${MMPO_LIBTORCH_DIRECTORY}")

# at::parallel_for is a template over OpenMP pragmas: our files need -fopenmp, and the OpenMP runtime that LibTorch brings
# itself, because a second one would be a second pool of threads.
file(GLOB MMPO_LIBGOMP "${MMPO_LIBTORCH_DIRECTORY}/lib/libgomp*.so*")
add_library(mmpo_libtorch INTERFACE)
target_include_directories(mmpo_libtorch SYSTEM INTERFACE "${MMPO_LIBTORCH_DIRECTORY}/include")
target_compile_options(mmpo_libtorch INTERFACE -fopenmp)
target_link_libraries(mmpo_libtorch INTERFACE "${MMPO_LIBTORCH_DIRECTORY}/lib/libtorch_cpu.so"
                                              "${MMPO_LIBTORCH_DIRECTORY}/lib/libc10.so" ${MMPO_LIBGOMP})
# libtorch_cpu finds libopenblas beside itself; ld wants to be told so.
target_link_options(mmpo_libtorch INTERFACE "-Wl,-rpath-link,${MMPO_LIBTORCH_DIRECTORY}/lib" -Wl,--no-as-needed)
