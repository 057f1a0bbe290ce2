# The libraries Hansa uses, each as one target; all come from the Debian packages in packages.txt.
# Which layer may include which of them is held by tests/tidy.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(tl-expected REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)

# RocksDB's own CMake file asks for every compression library's development files; the shared
# library needs none of them.
find_path(ROCKSDB_INCLUDE rocksdb/db.h REQUIRED)
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
add_library(rocksdb_shared UNKNOWN IMPORTED)
add_library(RocksDB::rocksdb ALIAS rocksdb_shared)
set_target_properties(rocksdb_shared PROPERTIES
  IMPORTED_LOCATION ${ROCKSDB_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${ROCKSDB_INCLUDE})

if(HANSA_OPS)
  find_package(prometheus-cpp REQUIRED COMPONENTS core pull)
  find_package(CLI11 REQUIRED)
  find_package(yaml-cpp REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(date REQUIRED)
  find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
endif()

if(HANSA_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
  find_package(benchmark REQUIRED)
endif()

# Asio and Beast are compiled once here instead of in every file that includes them.
add_library(boost_asio STATIC ${PROJECT_SOURCE_DIR}/cmake/boost/asio.cc)
add_library(hansa::asio ALIAS boost_asio)
target_compile_definitions(boost_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION)
target_link_libraries(boost_asio PUBLIC Boost::headers Threads::Threads)
if(HANSA_OPS)
  add_library(boost_beast STATIC ${PROJECT_SOURCE_DIR}/cmake/boost/beast.cc)
  add_library(hansa::beast ALIAS boost_beast)
  target_compile_definitions(boost_beast PUBLIC BOOST_BEAST_SEPARATE_COMPILATION)
  target_link_libraries(boost_beast PUBLIC hansa::asio OpenSSL::SSL)
endif()
