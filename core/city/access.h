// Access: may this caller call this method, and touch this case?
//
// Shape:   permit(rule, principal, ledger): role, and the city or alliance it counts in, asked at
//          the door.
//          permit_case(rule, principal, row): grid, lead unit and reporter, asked inside decide on
//          the state the decision is made on. Both read only the method's options.
// Errors:  kForbidden, kWrongGrid, kWrongUnit, kNotReporter; the sentence names what is needed.
// Threads: pure.
// Source:  SPEC §4.
#pragma once

#include <string_view>

#include "core/city/context.h"
#include "hansa/v1/rows.pb.h"

namespace hansa {

Result<void> permit(const v1::MethodRule& rule, const Principal& principal,
                    const LedgerId& ledger);
Result<void> permit_case(const v1::MethodRule& rule, const Principal& principal,
                         const v1::Case& row);

}  // namespace hansa
