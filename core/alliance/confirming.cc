#include "core/alliance/confirming.h"

#include "core/alliance/alliance.h"
#include "core/city/peers.h"
#include "hansa/v1/evidence.pb.h"

namespace hansa {

Result<void> check_members_stand(RowsView& view, const v1::ConfirmCheckpoint& command) {
  const auto* row = view.find(kConfirmingMembersTable, "");
  const Seq size = command.confirmed().size();
  if (row == nullptr || row->changed_seq() <= size) return {};
  return fail(Errc::kWrongState, "the members changed in entry " +
                                     std::to_string(row->changed_seq()) + ", behind the size " +
                                     std::to_string(size) + " that was cosigned");
}

void evolve_members_changed(Rows& rows, const v1::Event& event, const EntryContext& entry) {
  if (changes_peers(event)) rows.put(kConfirmingMembersTable, "").set_changed_seq(entry.seq);
}

void evolve_members_confirmed(Rows& rows) {
  const auto* known = rows.find(kConfirmingMembersTable, "");
  if (known == nullptr || known->changed_seq() == 0) return;
  v1::ConfirmingMembers row;
  rows.scan(kMemberTable.id, "", "\xff", [&](std::string_view, const auto& one) {
    const auto& member = static_cast<const v1::Member&>(one);
    if (is_member(member) && !member.witness_key().empty()) *row.add_members() = member;
    return true;
  });
  rows.put(kConfirmingMembersTable, "") = std::move(row);
}

}  // namespace hansa
