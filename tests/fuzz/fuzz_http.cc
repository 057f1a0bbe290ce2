// Goal: no target of a request harms the server, and what a path and a query say is what the method
// hears. Method: the bytes are `VERB target`; what is found is bound as the server binds it.
#include <memory>

#include "ops/http/router.h"
#include "ops/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hansa;
  static const ops::Router kRouter;
  const auto text = text_of(data, size);
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return 0;
  const auto target = text.substr(space + 1);
  const auto mark = target.find('?');
  ops::Route route;
  if (!kRouter.find(text.substr(0, space), target.substr(0, mark), route)) return 0;
  must_hold(route.method != nullptr, "what is found is a method");
  const auto* factory = google::protobuf::MessageFactory::generated_factory();
  const std::unique_ptr<google::protobuf::Message> request(
      const_cast<google::protobuf::MessageFactory*>(factory)
          ->GetPrototype(route.method->input)
          ->New());
  for (const auto& [name, value] : route.values) {
    if (!ops::bind_text(name, value, *request)) return 0;
  }
  if (mark != std::string_view::npos) {
    const auto query = ops::parse_query(target.substr(mark + 1));
    if (!query) return 0;
    for (const auto& [name, value] : *query) {
      if (!ops::bind_text(name, value, *request)) return 0;
    }
  }
  (void)validate(*request);
  return 0;
}
