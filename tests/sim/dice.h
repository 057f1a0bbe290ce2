// Dice and trace: the one source of chance of a simulated run, and the account of what happened.
//
// Shape:   Dice(seed): pick(n) is a number below n, chance(k) is true k times in 1 000. The same
//          seed gives the same numbers.
//          Trace: note() takes one event; hash() stands for all of them in order. With words,
//          print() shows those since it was called last.
// Errors:  none.
// Threads: one.
// Source:  SplitMix64 (Steele, Lea, Flood 2014); FNV-1a for the hash.
#pragma once

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <string_view>

namespace hansa::sim {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t number() {
    uint64_t mixed = (state_ += 0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  uint64_t pick(uint64_t below) { return number() % below; }
  int64_t between(int64_t from, int64_t to) {
    return from + static_cast<int64_t>(pick(static_cast<uint64_t>(to - from + 1)));
  }
  bool chance(uint32_t per_thousand) { return per_thousand > 0 && pick(1000) < per_thousand; }

 private:
  uint64_t state_;
};

class Trace {
 public:
  explicit Trace(bool in_words) : in_words_(in_words) {}

  void note(std::string_view what, std::initializer_list<int64_t> numbers = {},
            std::string_view text = {}) {
    add(what);
    for (const int64_t number : numbers) {
      add({reinterpret_cast<const char*>(&number), sizeof number});
    }
    add(text);
    if (!in_words_) return;
    words_ += what;
    for (const int64_t number : numbers) words_ += ' ' + std::to_string(number);
    if (!text.empty()) words_.append(" ").append(text);
    words_ += '\n';
  }
  void print() {
    std::fputs(words_.c_str(), stdout);
    words_.clear();
  }
  uint64_t hash() const { return hash_; }

 private:
  void add(std::string_view bytes) {
    for (const char byte : bytes) {
      hash_ = (hash_ ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
    }
    hash_ = (hash_ ^ 0xff) * 0x100000001b3;
  }

  const bool in_words_;
  std::string words_;
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace hansa::sim
