# The commit that this tree is at when CMake configures, in ${CMAKE_BINARY_DIR}/generated-build/abide_build.hpp.
set(ABIDE_BUILD_COMMIT "unknown")
find_program(GIT git)
if(GIT AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT} -C ${CMAKE_SOURCE_DIR} describe --always --tags --dirty
    OUTPUT_VARIABLE described RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed AND described)
    set(ABIDE_BUILD_COMMIT "${described}")
  endif()
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/abide_build.hpp.in ${CMAKE_BINARY_DIR}/generated-build/abide_build.hpp @ONLY)
