# Our files compile without a warning; LibTorch's headers are system headers and are not asked. Another compiler may know other
# warnings: -DMMPO_WARNINGS_AS_ERRORS=OFF.
option(MMPO_WARNINGS_AS_ERRORS "A warning ends the build" ON)
add_library(mmpo_warnings INTERFACE)
target_compile_options(mmpo_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                               -Wcast-align -Woverloaded-virtual -Wdouble-promotion -Wvla)
if(MMPO_WARNINGS_AS_ERRORS)
  target_compile_options(mmpo_warnings INTERFACE -Werror)
endif()
