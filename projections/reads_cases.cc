#include "projections/index.h"
#include "projections/paging.h"
#include "projections/reads.h"

namespace hansa::projections {
namespace {

constexpr size_t kCaseKeyBytes = 12;

struct CaseFilter {
  Dimension dimension;
  std::string value;
  std::string pointer;
};

// One list of cases: where it stands in the store and how it runs.
struct CaseList {
  std::string prefix;
  PageRange range;
};

Result<void> check_known(bool known, Errc code, const std::string& what, std::string pointer) {
  if (known) return {};
  return fail(code, "the city has no " + what, std::move(pointer));
}

Result<void> check_unit(const std::string& unit, const ReadContext& context) {
  HANSA_TRY(const auto row, context.snapshot.find(kUnitTable, unit));
  return check_known(row.has_value(), Errc::kUnknownUnit, "unit `" + unit + "`", "/unit");
}

Result<void> check_reporter(const std::string& reporter, const ReadContext& context) {
  if (reporter == context.principal.person) return {};
  if (context.door.sees(context.principal) >= v1::INTERNAL) return {};
  return fail(Errc::kForbidden, "another person's cases are shown to the city's staff only",
              "/reporter");
}

Result<void> check_filter(const CaseFilter& filter, const ReadContext& context) {
  const auto& snapshot = context.snapshot;
  switch (filter.dimension) {
    case Dimension::kUnit: return check_unit(filter.value, context);
    case Dimension::kService: {
      HANSA_TRY(const auto row, snapshot.find(kServiceTable, filter.value));
      return check_known(row.has_value(), Errc::kUnknownService,
                         "service `" + filter.value + "`", filter.pointer);
    }
    case Dimension::kCommunity: {
      HANSA_TRY(const auto row, snapshot.find(kGridCellTable, filter.value));
      return check_known(row.has_value(), Errc::kUnknownPlace,
                         "community `" + filter.value + "` (district/street/community)",
                         filter.pointer);
    }
    case Dimension::kReporter: return check_reporter(filter.value, context);
    default: return {};
  }
}

// The one filter of the request, or none.
Result<std::optional<CaseFilter>> filter_of(const v1::ListCases& request) {
  std::vector<CaseFilter> filters;
  if (request.state() != v1::State::unspecified) {
    filters.push_back({Dimension::kState, v1::State::Value_Name(request.state()), "/state"});
  }
  const auto add = [&](Dimension dimension, const std::string& value, const char* pointer) {
    if (!value.empty()) filters.push_back({dimension, value, pointer});
  };
  add(Dimension::kUnit, request.unit(), "/unit");
  add(Dimension::kService, request.service(), "/service");
  add(Dimension::kCommunity, request.community(), "/community");
  add(Dimension::kReporter, request.reporter(), "/reporter");
  if (filters.size() > 1) {
    return fail(Errc::kBadRequest,
                "one filter chooses the list; leave out " + filters.front().pointer.substr(1) +
                    " or " + filters.back().pointer.substr(1),
                filters.back().pointer);
  }
  if (filters.empty()) return std::optional<CaseFilter>();
  return std::optional<CaseFilter>(std::move(filters.front()));
}

std::string stored_prefix(Dimension dimension, std::string_view value) {
  return stored_key(TableId::kIndex, index_prefix(dimension, value));
}

Result<CaseList> list_by_deadline(const std::optional<CaseFilter>& filter, int64_t before_us) {
  if (before_us < 0 || (filter && filter->dimension != Dimension::kUnit)) {
    return fail(Errc::kBadRequest,
                "deadline_before_time_us is a time after 1970, alone or together with unit",
                "/deadline_before_time_us");
  }
  CaseList list;
  list.prefix = filter ? stored_prefix(Dimension::kUnitDeadline, filter->value)
                       : stored_prefix(Dimension::kDeadline, "");
  list.range.to = list.prefix + big_endian(static_cast<uint64_t>(before_us));
  return list;
}

Result<v1::CasesAnswer> read_cases(const CaseList& list, uint32_t page_size,
                                   const std::string& page_token, const ReadContext& context) {
  HANSA_TRY(const Page page, open_page(list.prefix, page_size, page_token));
  v1::CasesAnswer answer;
  const auto take = [&](std::string_view key, std::string_view) -> Result<void> {
    const auto case_row_key = key.substr(key.size() - kCaseKeyBytes);
    HANSA_TRY(auto row, context.snapshot.find(kCaseTable, case_row_key));
    if (!row) return fail(Errc::kBadFile, "a list names a case that is not there");
    context.door.show(*row, context.principal);
    answer.add_cases()->Swap(&*row);
    return {};
  };
  HANSA_TRY(*answer.mutable_next_page_token(),
            read_page(context.snapshot, page, list.range, take));
  return answer;
}

}  // namespace

Result<v1::CaseAnswer> answer(const v1::GetCase& request, const ReadContext& context) {
  HANSA_TRY(auto row, context.snapshot.find(kCaseTable, case_key(request.case_())));
  if (!row || row->case_() != request.case_()) {
    return fail(Errc::kUnknownCase, "the city has no case `" + request.case_() + "`", "/case");
  }
  context.door.show(*row, context.principal);
  v1::CaseAnswer answer;
  answer.mutable_case_()->Swap(&*row);
  return answer;
}

Result<v1::CasesAnswer> answer(const v1::ListCases& request, const ReadContext& context) {
  HANSA_TRY(const auto filter, filter_of(request));
  if (filter) HANSA_CHECK(check_filter(*filter, context));
  CaseList list;
  if (request.deadline_before_time_us() != 0) {
    HANSA_TRY(list, list_by_deadline(filter, request.deadline_before_time_us()));
  } else {
    list.prefix = filter ? stored_prefix(filter->dimension, filter->value)
                         : stored_key(kCaseTable.id, "");
    list.range.descending = true;
  }
  return read_cases(list, request.page_size(), request.page_token(), context);
}

Result<v1::CasesAnswer> answer(const v1::GetWorkList& request, const ReadContext& context) {
  HANSA_CHECK(check_unit(request.unit(), context));
  const CaseList list{stored_prefix(Dimension::kUnitDeadline, request.unit()), {}};
  return read_cases(list, request.page_size(), request.page_token(), context);
}

}  // namespace hansa::projections
