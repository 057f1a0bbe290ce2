// Goal: a body is read as one message or refused, and what is written of it is read as the same.
// Method: the first byte chooses a method of the schema, the rest is its body.
#include <memory>

#include "core/base/schema.h"
#include "ops/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  if (size == 0) return 0;
  const auto& method = methods()[data[0] % methods().size()];
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(method.input);
  const std::unique_ptr<google::protobuf::Message> message(prototype->New());
  if (!ops::from_json(text_of(data + 1, size - 1), *message)) return 0;
  (void)validate(*message);
  const std::string text = ops::to_json(*message);
  const std::unique_ptr<google::protobuf::Message> again(prototype->New());
  must_hold(ops::from_json(text, *again).has_value(), "what is written is read");
  must_hold(ops::to_json(*again) == text, "as the same");
  return 0;
}
