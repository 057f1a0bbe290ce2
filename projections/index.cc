#include "projections/index.h"

#include "core/city/case.h"

namespace hansa::projections {

std::vector<std::string> index_keys(TableId table, std::string_view key,
                                    const google::protobuf::Message& row) {
  std::vector<std::string> keys;
  if (table != TableId::kCase) return keys;
  const auto& item = static_cast<const v1::Case&>(row);
  const auto add = [&](Dimension dimension, std::string_view value, std::string_view sort = "") {
    keys.push_back(index_prefix(dimension, value).append(sort).append(key));
  };
  add(Dimension::kState, v1::State::Value_Name(item.state()));
  if (!item.lead_unit().empty()) add(Dimension::kUnit, item.lead_unit());
  add(Dimension::kService, item.service());
  add(Dimension::kCommunity, place_key(item.place()));
  if (!item.reporter().empty()) add(Dimension::kReporter, item.reporter());
  if (!is_open(item.state())) return keys;
  const std::string deadline = big_endian(static_cast<uint64_t>(item.deadline_time_us()));
  if (item.deadline_time_us() > 0) add(Dimension::kDeadline, "", deadline);
  if (!item.lead_unit().empty()) {
    add(Dimension::kUnitDeadline, item.lead_unit(),
        item.deadline_time_us() > 0 ? deadline : std::string(8, '\xff'));
  }
  return keys;
}

std::string index_prefix(Dimension dimension, std::string_view value) {
  std::string prefix(1, static_cast<char>(dimension));
  prefix.append(value).push_back('\0');
  return prefix;
}

}  // namespace hansa::projections
