// Env: the two things that pure code must be handed, time and chance.
//
// Shape:   now_us() microseconds since 1970 UTC; random(out) fills with unpredictable bytes.
//          The process has one Env on the system's clock and generator (ops/system_env.h); tests
//          and the demo have SeededEnv, whose clock is set by hand and whose bytes come from a
//          seed, so that a run can be repeated to the byte.
// Threads: implementations of Env are safe for use from several threads, except SeededEnv: its
//          clock may be read and set by all of them, its bytes are for one at a time.
// Limits:  SeededEnv gives the HKDF-SHA-256 stream of (seed, purpose, counter).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace hansa {

class Env {
 public:
  virtual ~Env() = default;
  virtual int64_t now_us() = 0;
  virtual void random(uint8_t* out, size_t length) = 0;

  template <typename Id>
  Id random_id() {
    Id id;
    random(id.bytes.data(), id.bytes.size());
    return id;
  }
  std::string random_bytes(size_t length) {
    std::string bytes(length, '\0');
    random(reinterpret_cast<uint8_t*>(bytes.data()), length);
    return bytes;
  }
};

class SeededEnv : public Env {
 public:
  SeededEnv(uint64_t seed, std::string_view purpose, int64_t start_us = 0);
  int64_t now_us() override { return clock().load(); }
  void set_now_us(int64_t now_us) { clock().store(now_us); }
  void advance_us(int64_t by_us) { clock().fetch_add(by_us); }
  void random(uint8_t* out, size_t length) override;

 private:
  std::atomic_ref<int64_t> clock() { return std::atomic_ref(now_us_); }

  std::string key_;
  uint64_t counter_ = 0;
  std::string block_;
  size_t used_ = 0;
  int64_t now_us_;
};

}  // namespace hansa
