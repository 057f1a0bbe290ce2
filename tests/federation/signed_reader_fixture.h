// A ledger that the test writes entry by entry, with checkpoints and cosignatures that say what it
// wants, and readers of it.
//
// Shape:   SignedReaderTest writes and reads; ConfirmedReaderTest has witnesses, whose keys follow
//          from the names of their cities.
// Threads: the test's.
#pragma once

#include <gtest/gtest.h>

#include "federation/checkpoint.h"
#include "federation/signed_reader.h"
#include "streams/embedded_log.h"
#include "tests/core/test_log.h"
#include "tests/federation/vouched_tree.h"
#include "tests/streams/log_helpers.h"

namespace hansa::federation {

using streams::append_now;
using streams::EmbeddedLog;
using streams::EntryWriter;
using streams::TempFolder;

inline const LedgerId kShare = share_ledger("delta", "wuxi");
inline const FoundingId kFounding = *FoundingId::from(std::string(16, 'f'));
inline const std::string kSeed(kSeedBytes, 's');
inline const std::string kOtherSeed(kSeedBytes, 'o');
inline const KeyRanges kKeys = only_key(to_hex(public_key_of(kSeed)));

inline v1::Payload words(const std::string& city) {
  v1::Payload payload;
  payload.add_events()->mutable_city_joined()->set_city(city);
  return payload;
}

class SignedReaderTest : public ::testing::Test {
 protected:
  SignedReaderTest()
      : log_(*EmbeddedLog::open({.folder = folder_ / "log", .fsync = false})),
        writer_(kFounding, 1) {}

  void put(const std::string& value) {
    const auto delivered = append_now(*log_, kShare, {value}, *log_->end(kShare));
    ASSERT_TRUE(delivered.at(0).offset.has_value());
  }
  void write(const v1::Payload& payload) {
    const std::string value = writer_.next(payload.SerializeAsString());
    tree_.add(value);
    put(value);
  }
  void write_words(int count) {
    for (int i = 0; i < count; ++i) write(words("wuxi"));
  }
  v1::CheckpointSigned checkpoint(Seq size, const std::string& seed = kSeed) const {
    return sign_checkpoint(seed, tree_.head(size));
  }
  void write_checkpoint(const v1::CheckpointSigned& checkpoint) {
    v1::Payload payload;
    *payload.add_events()->mutable_checkpoint_signed() = checkpoint;
    write(payload);
  }

  SignedReader reader(const ChainPosition& from) {
    return SignedReader(*log_, {kShare, kFounding, kKeys}, from);
  }
  SignedReader reader() { return reader({0, founding_hash(kFounding), 0, 0}); }
  SignedReader reader_by(const KeyRanges& keys) {
    return reader_by(keys, {0, founding_hash(kFounding), 0, 0});
  }
  SignedReader reader_by(const KeyRanges& keys, const ChainPosition& from) {
    return SignedReader(*log_, {kShare, kFounding, keys}, from);
  }

  // Seqs read until nothing more comes; the last error, if any, in `error_`.
  std::vector<Seq> read_all(SignedReader& reader) {
    std::vector<Seq> seqs;
    error_.reset();
    while (true) {
      auto read = reader.read();
      if (!read) error_ = read.error();
      if (!read || read->empty()) return seqs;
      for (const auto& entry : *read) seqs.push_back(entry.seq);
    }
  }

  TempFolder folder_;
  std::unique_ptr<EmbeddedLog> log_;
  EntryWriter writer_;
  VouchedTree tree_{kShare, kFounding};
  std::optional<Error> error_;
};

inline v1::Member member(const std::string& city) {
  v1::Member row;
  row.set_city(city);
  row.set_founding_id(to_hex(sha256(city)).substr(0, 32));
  row.set_membership(v1::Membership::admitted);
  row.set_joined_time_us(1);
  row.set_witness_key(key_of(city));
  return row;
}

class ConfirmedReaderTest : public SignedReaderTest {
 protected:
  // A note that these witnesses have cosigned.
  static std::string cosigned_by(const Note& note, const std::vector<std::string>& cities) {
    Note all = note;
    for (const auto& city : cities) {
      all.signatures.push_back(cosign_note(witness_key(member(city))->name, seed_of(city),
                                           note.text, 1'700'000'000));
    }
    return note_text(all);
  }
  void write_confirmed(Seq size, const std::string& note) {
    v1::Payload payload;
    payload.add_events()->mutable_checkpoint_confirmed()->set_size(size);
    payload.mutable_events(0)->mutable_checkpoint_confirmed()->set_note(note);
    write(payload);
  }
  void confirm(Seq size, const std::vector<std::string>& cities) {
    write_confirmed(size, cosigned_by(note_of(checkpoint(size)), cities));
  }
  SignedReader confirmed_reader(const std::vector<std::string>& cities) {
    std::vector<v1::Member> members;
    for (const auto& city : cities) members.push_back(member(city));
    return SignedReader(*log_, {kShare, kFounding, kKeys}, {0, founding_hash(kFounding), 0, 0},
                        WitnessSet(members));
  }
  VouchedHead written() {
    write_words(3);
    write_checkpoint(checkpoint(3));
    return tree_.head(3);
  }
  // Enough witnesses have cosigned this.
  void expect_fork(const VouchedHead& other) {
    write_confirmed(3, cosigned_by(note_of(sign_checkpoint(kSeed, other)), {"a", "b"}));
    auto taken = confirmed_reader({"a", "b", "c"});
    EXPECT_EQ(read_all(taken), std::vector<Seq>());
    ASSERT_TRUE(error_);
    EXPECT_EQ(error_->code, Errc::kForkFound);
  }
  void write_joined(const std::string& city) {
    v1::Payload payload;
    auto& admitted = *payload.add_events()->mutable_city_admitted();
    admitted.set_city(city);
    admitted.set_founding_id(member(city).founding_id());
    admitted.set_public_key(key_of("share of " + city));
    admitted.set_witness_key(member(city).witness_key());
    payload.add_events()->mutable_city_joined()->set_city(city);
    write(payload);
  }
  void write_expelled(const std::string& city) {
    v1::Payload payload;
    payload.add_events()->mutable_city_expelled()->set_city(city);
    write(payload);
  }
  // What is read behind entry `from`, whose members these were, by who stopped there when entry
  // `confirmed` was confirmed; 0: nothing behind it was.
  std::vector<Seq> confirmed_from(const std::vector<std::string>& cities, Seq from, Seq confirmed,
                                  std::optional<Hash> hash = std::nullopt) {
    std::vector<v1::Member> members;
    for (const auto& city : cities) members.push_back(member(city));
    ChainPosition position{from, founding_hash(kFounding), from, 0};
    if (from > 0) position.tip = tree_.head(from).tip;
    std::optional<SignedReader::Confirmed> known;
    if (confirmed > 0) known = {confirmed, hash.value_or(tree_.head(confirmed).tip)};
    SignedReader reader(*log_, {kShare, kFounding, kKeys}, position, WitnessSet(members), known);
    return read_all(reader);
  }
};

}  // namespace hansa::federation
