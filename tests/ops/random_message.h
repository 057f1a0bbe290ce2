// Fills any message of the schema with arbitrary values, by its descriptor.
//
// Shape:   fill_message(message, random): every field may be set or not; texts are UTF-8 with
//          quotes, controls and signs outside ASCII; times lie in years 1 to 9999.
// Limits:  messages in messages kDepthMax deep: what an entry shares is made of entries' events.
// Threads: plain function.
#pragma once

#include <google/protobuf/message.h>

#include <random>
#include <string>

namespace hansa::ops {

using Random = std::mt19937_64;

inline std::string random_text(Random& random) {
  static const std::string kPieces[] = {"a",    "Z", " ", "\"", "\\", "\n",
                                        "\x01", "/", "é", "苏", "😀"};
  std::string text;
  for (auto left = random() % 12; left > 0; --left) text += kPieces[random() % std::size(kPieces)];
  return text;
}

inline constexpr int kDepthMax = 8;

inline void fill_message(google::protobuf::Message& message, Random& random, int depth = 0);

inline void fill_field(google::protobuf::Message& message,
                       const google::protobuf::FieldDescriptor* field, Random& random,
                       int depth) {
  using Field = google::protobuf::FieldDescriptor;
  const auto* r = message.GetReflection();
  const bool many = field->is_repeated();
  auto put = [&](auto set, auto add, auto value) {
    many ? (r->*add)(&message, field, value) : (r->*set)(&message, field, value);
  };
  using R = google::protobuf::Reflection;
  switch (field->cpp_type()) {
    case Field::CPPTYPE_BOOL:
      put(&R::SetBool, &R::AddBool, random() % 2 == 0);
      break;
    case Field::CPPTYPE_INT32:
      put(&R::SetInt32, &R::AddInt32, static_cast<int32_t>(random()));
      break;
    case Field::CPPTYPE_UINT32:
      put(&R::SetUInt32, &R::AddUInt32, static_cast<uint32_t>(random()));
      break;
    case Field::CPPTYPE_INT64: {
      const bool time = field->name().ends_with("time_us");
      const auto any = static_cast<int64_t>(random());
      // Years 1 to 9999 around 1970.
      put(&R::SetInt64, &R::AddInt64, time ? any % 62'000'000'000'000'000 : any);
      break;
    }
    case Field::CPPTYPE_UINT64:
      put(&R::SetUInt64, &R::AddUInt64, uint64_t{random()});
      break;
    case Field::CPPTYPE_DOUBLE:
      put(&R::SetDouble, &R::AddDouble, static_cast<double>(static_cast<int64_t>(random())) / 1e9);
      break;
    case Field::CPPTYPE_STRING:
      put(&R::SetString, &R::AddString,
          field->type() == Field::TYPE_BYTES ? std::to_string(random()).substr(random() % 4)
                                             : random_text(random));
      break;
    case Field::CPPTYPE_ENUM: {
      const auto* type = field->enum_type();
      put(&R::SetEnumValue, &R::AddEnumValue,
          type->value(static_cast<int>(random() % type->value_count()))->number());
      break;
    }
    case Field::CPPTYPE_MESSAGE:
      if (depth == kDepthMax) break;
      fill_message(many ? *r->AddMessage(&message, field) : *r->MutableMessage(&message, field),
                   random, depth + 1);
      break;
    default:
      break;
  }
}

inline void fill_message(google::protobuf::Message& message, Random& random, int depth) {
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    for (auto times = random() % (field->is_repeated() ? 4 : 2); times > 0; --times) {
      fill_field(message, field, random, depth);
    }
  }
}

}  // namespace hansa::ops
