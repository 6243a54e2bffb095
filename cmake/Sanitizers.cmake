# -DMMPO_SANITIZE=ON: AddressSanitizer and UndefinedBehaviorSanitizer in our files (native/sanitize runs the tests so).
option(MMPO_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
add_library(mmpo_sanitizers INTERFACE)
if(MMPO_SANITIZE)
  # vptr would want the type information of LibTorch's hidden classes
  set(flags -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  # With them g++ 12 takes members of std::regex, and of LibTorch's optional arguments, for uninitialized.
  target_compile_options(mmpo_sanitizers INTERFACE ${flags} -Wno-maybe-uninitialized)
  target_link_options(mmpo_sanitizers INTERFACE ${flags})
endif()
