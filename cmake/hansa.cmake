# How a layer, its schema and its tests are declared.
#
#   hansa_protos(SRCS hansa/v1/x.proto ...)                 the schema, as target hansa::schema
#   hansa_layer(streams SRCS a.cc DEPS hansa::core PRIVATE_DEPS RocksDB::rocksdb)
#   hansa_test(NAME case_test SRCS case_test.cc LAYER core [LIBS ...] [LABELS long] [TIMEOUT 60])
#     KAFKA runs it with the address of a broker of its own in HANSA_KAFKA
#   hansa_kafka_test(NAME x LAYER streams ARGS x_test WORD...)      with a broker of its own
#   hansa_bench(NAME keeper_bench SRCS keeper_bench.cc LAYER projections [LIBS ...] [PARTS])
#
# Tests find the executable in HANSA_BINARY and the repository in HANSA_SOURCE of the environment.
#
# A layer may use the layers to its left: core, streams, projections, federation, ops. Its link
# test holds the whole layer and only what it declared, so a call upward fails to link.

find_program(HANSA_CCACHE ccache)
if(HANSA_CCACHE)
  # Without this word ccache leaves alone what uses precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros ${HANSA_CCACHE})
endif()
find_program(HANSA_MOLD mold)
if(HANSA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
if(HANSA_SANITIZE)
  # Third-party libraries are not instrumented, so the class of their objects cannot be checked.
  # AddressSanitizer reports what `null` and `object-size` would, and nothing here reads through a
  # cast pointer, which is what `alignment` is for: the three are a quarter of compiling a layer.
  add_compile_options(-fsanitize=${HANSA_SANITIZE} -fno-sanitize-recover=all
    -fno-sanitize=vptr,null,object-size,alignment -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HANSA_SANITIZE})
endif()
if(HANSA_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()

# Files of a layer read much and say little: compiled eight at a time they take half as long. One
# that changes takes all eight with it, so this is for trees that are built as a whole, or for
# single layers: -DHANSA_UNITY='ops;cli'. Names in unnamed namespaces must differ within a layer
# then.
set(HANSA_UNITY OFF CACHE STRING "Compile files eight at a time: ON, OFF or a list of layers")

# Written for our own code only; generated code and Boost's compiled part are built without.
# g++ 12 reports -Wrestrict inside std::string (GCC bug 105651) and, with sanitizers,
# -Wmaybe-uninitialized in plain copies and -Wtsan at Asio's fences; a designated initializer
# leaves out what has a default. Out of a precompiled header it takes the library's own code for
# ours: -Warray-bounds and -Wstringop-… fire inside std::string.
add_library(hansa_warnings INTERFACE)
target_compile_options(hansa_warnings INTERFACE -Wall -Wextra -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-warning-option>
  -Wno-restrict -Wno-missing-field-initializers -Wno-array-bounds -Wno-stringop-overflow
  -Wno-stringop-overread)
if(HANSA_SANITIZE)
  target_compile_options(hansa_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()

function(hansa_protos)
  cmake_parse_arguments(P "" "" "SRCS" ${ARGN})
  if(NOT P_SRCS)
    add_library(hansa_schema INTERFACE)
    add_library(hansa::schema ALIAS hansa_schema)
    return()
  endif()
  set(root ${PROJECT_SOURCE_DIR}/core/schema)
  set(generated ${PROJECT_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${generated})
  list(TRANSFORM P_SRCS PREPEND ${root}/ OUTPUT_VARIABLE files)
  foreach(proto ${P_SRCS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(out ${generated}/${stem}.pb.cc ${generated}/${stem}.pb.h)
    add_custom_command(OUTPUT ${out} VERBATIM
      COMMAND protobuf::protoc --proto_path=${root} --cpp_out=${generated} ${root}/${proto}
      DEPENDS ${files} COMMENT "Generating ${proto}")
    list(APPEND sources ${out})
  endforeach()
  add_library(hansa_schema STATIC ${sources})
  add_library(hansa::schema ALIAS hansa_schema)
  target_include_directories(hansa_schema SYSTEM PUBLIC ${generated})
  target_link_libraries(hansa_schema PUBLIC protobuf::libprotobuf)
  # Instrumented, generated code is the dearest of the tree. It is left as its library is; what a
  # layer or a test compiles of it, the inline accessors, is instrumented there. ThreadSanitizer
  # sees no order in code that it does not see, so it keeps all.
  if(HANSA_SANITIZE MATCHES "address")
    target_compile_options(hansa_schema PRIVATE -O0 -fno-sanitize=all)
  endif()
endfunction()

# The schema's generated headers are most of what every file reads: they are read once for the
# layers and once more, with the test libraries, for the tests.
option(HANSA_PRECOMPILE "Precompile the headers that every file reads" ON)
function(hansa_precompile NAME OWNER)
  if(NOT HANSA_PRECOMPILE)
    return()
  endif()
  if(NAME STREQUAL OWNER)
    target_precompile_headers(${NAME} PRIVATE <algorithm> <array> <functional> <map> <memory>
      <optional> <string> <string_view> <vector> <hansa/v1/federation.pb.h> ${ARGN})
  else()
    target_precompile_headers(${NAME} REUSE_FROM ${OWNER})
  endif()
endfunction()

# What all tests are compiled with. Their own code is not what a test waits for, so it is compiled
# the quick way, without UBSan's checks, which are a third of the time; the layers under test keep
# the options of the tree.
function(hansa_compile_as_test NAME)
  target_link_libraries(${NAME} PRIVATE rapidcheck GTest::gtest hansa_warnings)
  target_compile_options(${NAME} PRIVATE -O0)
  if(HANSA_SANITIZE MATCHES "undefined")
    target_compile_options(${NAME} PRIVATE -fno-sanitize=undefined)
  endif()
  if(HANSA_SANITIZE MATCHES "thread")
    target_link_libraries(${NAME} PRIVATE hansa_c11_threads)
  endif()
  hansa_precompile(${NAME} hansa_test_headers <gtest/gtest.h> <rapidcheck.h> <rapidcheck/gtest.h>)
endfunction()

function(hansa_layer NAME)
  cmake_parse_arguments(L "" "" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(NOT L_SRCS)
    add_library(hansa_${NAME} INTERFACE)
    add_library(hansa::${NAME} ALIAS hansa_${NAME})
    target_include_directories(hansa_${NAME} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(hansa_${NAME} INTERFACE ${L_DEPS})
    return()
  endif()
  add_library(hansa_${NAME} STATIC ${L_SRCS})
  add_library(hansa::${NAME} ALIAS hansa_${NAME})
  target_include_directories(hansa_${NAME} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(hansa_${NAME} PUBLIC ${L_DEPS} PRIVATE ${L_PRIVATE_DEPS} hansa_warnings)
  hansa_precompile(hansa_${NAME} hansa_core)
  if(HANSA_UNITY STREQUAL "ON" OR NAME IN_LIST HANSA_UNITY)
    set_target_properties(hansa_${NAME} PROPERTIES UNITY_BUILD ON)
    # g++ takes every file for a header that it includes.
    target_compile_options(hansa_${NAME} PRIVATE -Wno-subobject-linkage)
  endif()

  if(NOT HANSA_TESTS)
    return()
  endif()
  add_executable(${NAME}_link_test ${PROJECT_SOURCE_DIR}/tests/link_test.cc)
  target_link_libraries(${NAME}_link_test PRIVATE
    "$<LINK_LIBRARY:WHOLE_ARCHIVE,hansa_${NAME}>")
  hansa_register_test(${NAME}_link_test LABELS ${NAME} TIMEOUT 10)
endfunction()

# Whether the tests of a layer are built in this tree.
function(hansa_has_tests LAYER RESULT)
  set(${RESULT} FALSE PARENT_SCOPE)
  if(TARGET hansa::${LAYER} AND (HANSA_LAYER_TESTS OR LAYER STREQUAL ops))
    set(${RESULT} TRUE PARENT_SCOPE)
  endif()
endfunction()

# One ctest entry per test binary; the target core_tests builds those of core. Whole test folders
# of layers that are not built are skipped, but their sources still count as registered.
function(hansa_test)
  cmake_parse_arguments(T "KAFKA" "NAME;LAYER;TIMEOUT" "SRCS;LIBS;LABELS;ARGS" ${ARGN})
  list(TRANSFORM T_SRCS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  set_property(GLOBAL APPEND PROPERTY HANSA_TEST_SOURCES ${sources})
  hansa_has_tests(${T_LAYER} is_built)
  if(NOT is_built)
    return()
  endif()
  add_executable(${T_NAME} ${T_SRCS})
  target_link_libraries(${T_NAME} PRIVATE hansa::${T_LAYER} ${T_LIBS} GTest::gtest_main)
  hansa_compile_as_test(${T_NAME})
  if(NOT TARGET ${T_LAYER}_tests)
    add_custom_target(${T_LAYER}_tests)
  endif()
  add_dependencies(${T_LAYER}_tests ${T_NAME})
  if(T_KAFKA)
    hansa_kafka_test(NAME ${T_NAME} LAYER ${T_LAYER} ARGS ${T_NAME} ${T_ARGS} TIMEOUT ${T_TIMEOUT})
    return()
  endif()
  hansa_register_test(${T_NAME} ARGS ${T_ARGS} LABELS ${T_LAYER} ${T_LABELS} TIMEOUT ${T_TIMEOUT})
endfunction()

# Runs a command, of which the first word may be a target, with the address of a broker of its own
# in HANSA_KAFKA.
function(hansa_kafka_test)
  cmake_parse_arguments(K "" "NAME;TIMEOUT;LAYER" "ARGS;LABELS" ${ARGN})
  if(NOT K_TIMEOUT)
    set(K_TIMEOUT 300)
  endif()
  hansa_has_tests(${K_LAYER} is_built)
  if(NOT is_built)
    return()
  endif()
  list(POP_FRONT K_ARGS program)
  if(TARGET ${program})
    set(program $<TARGET_FILE:${program}>)
  endif()
  set(test ${HANSA_TEST_PREFIX}${K_NAME})
  add_test(NAME ${test} COMMAND ${PROJECT_SOURCE_DIR}/cmake/kafka/broker run ${program} ${K_ARGS})
  hansa_test_properties(${test} LABELS ${K_LAYER} kafka ${K_LABELS} TIMEOUT ${K_TIMEOUT})
endfunction()

# A program that measures; built with the tests, run by hand. With PARTS it is a library that
# several of them link, so that what they share is compiled once.
function(hansa_bench)
  cmake_parse_arguments(B "PARTS" "NAME;LAYER" "SRCS;LIBS" ${ARGN})
  list(TRANSFORM B_SRCS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE sources)
  set_property(GLOBAL APPEND PROPERTY HANSA_TEST_SOURCES ${sources})
  if(TARGET hansa::${B_LAYER})
    if(B_PARTS)
      add_library(${B_NAME} STATIC ${B_SRCS})
    else()
      add_executable(${B_NAME} ${B_SRCS})
    endif()
    # With a sanitizer there is nothing to measure.
    if(HANSA_SANITIZE)
      set_target_properties(${B_NAME} PROPERTIES EXCLUDE_FROM_ALL TRUE)
    endif()
    target_link_libraries(${B_NAME} PRIVATE hansa::${B_LAYER} ${B_LIBS} benchmark::benchmark
      hansa_warnings)
    hansa_precompile(${B_NAME} hansa_core)
  endif()
endfunction()

# Registers an executable target with ctest: hansa_register_test(name LABELS ... TIMEOUT s).
# ctest starts tests of a higher COST first, so the cheap ones are nearest to zero.
function(hansa_register_test NAME)
  cmake_parse_arguments(R "" "TIMEOUT" "LABELS;ARGS" ${ARGN})
  if(NOT R_TIMEOUT)
    set(R_TIMEOUT 120)
  endif()
  set(test ${HANSA_TEST_PREFIX}${NAME})
  add_test(NAME ${test} COMMAND ${NAME} ${R_ARGS})
  hansa_test_properties(${test} LABELS ${R_LABELS} TIMEOUT ${R_TIMEOUT})
endfunction()

function(hansa_test_properties TEST)
  cmake_parse_arguments(R "" "TIMEOUT" "LABELS" ${ARGN})
  set(supp ${PROJECT_SOURCE_DIR}/tests/sanitizers)
  set_tests_properties(${TEST} PROPERTIES
    TIMEOUT ${R_TIMEOUT} COST -${R_TIMEOUT} LABELS "${R_LABELS}"
    ENVIRONMENT "LSAN_OPTIONS=suppressions=${supp}/lsan.supp;\
TSAN_OPTIONS=suppressions=${supp}/tsan.supp second_deadlock_stack=1;\
UBSAN_OPTIONS=print_stacktrace=1;\
HANSA_BINARY=${PROJECT_BINARY_DIR}/hansa;HANSA_SOURCE=${PROJECT_SOURCE_DIR}")
endfunction()

# A test file that no CMakeLists.txt registers would never run: refuse to configure.
function(hansa_refuse_unregistered_tests)
  get_property(registered GLOBAL PROPERTY HANSA_TEST_SOURCES)
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*.cc)
  list(REMOVE_ITEM found ${registered} ${PROJECT_SOURCE_DIR}/tests/sanitizers/c11_threads.cc
    ${PROJECT_SOURCE_DIR}/tests/link_test.cc)
  if(found)
    list(JOIN found "\n  " list)
    message(FATAL_ERROR "Test files that nobody registers with hansa_test():\n  ${list}")
  endif()
endfunction()
