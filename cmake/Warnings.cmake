# Our files compile without a warning; LibTorch's headers are system headers and are not asked.
add_library(mmpo_warnings INTERFACE)
target_compile_options(mmpo_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                               -Wcast-align -Woverloaded-virtual -Wdouble-promotion -Wvla -Werror)
