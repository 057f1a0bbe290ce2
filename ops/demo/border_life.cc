#include "ops/demo/border_life.h"

#include "hansa/v1/case.pb.h"
#include "hansa/v1/handover.pb.h"

namespace hansa::ops {
namespace {

v1::PlaceInput edge_of(const DeltaCity& city) {
  const auto& community = city.communities.back();
  v1::PlaceInput place;
  place.set_district(community.district);
  place.set_street(community.street);
  place.set_community(community.community);
  place.set_latitude(community.latitude);
  place.set_longitude(community.longitude);
  return place;
}

std::string dumping() { return demo_services().front().id; }

}  // namespace

template <typename Request>
Result<v1::Receipt> BorderLife::act(const League::Member& member, v1::Role::Value role,
                                    Request request, const std::string& unit) {
  const auto who = demo_principal(member.city->id, role, v1::Role::Value_Name(role) + "-border",
                                  unit);
  return league_.act(member, who, std::move(request));
}

Result<void> BorderLife::offer(const League::Member& from, const League::Member& to) {
  v1::ReportCase report;
  report.set_kind(v1::Kind::problem);
  report.set_source(v1::Source::hotline);
  report.set_service(dumping());
  *report.mutable_place() = edge_of(*from.city);
  report.set_description("Rubbish on both sides of the border stone");
  HANSA_TRY(const auto reported, act(from, v1::Role::hotline, std::move(report)));
  v1::OfferCase offer;
  offer.set_case_(reported.subject_id());
  offer.set_alliance(kDemoAlliance);
  offer.set_to_city(to.city->id);
  offer.set_where("at the border stone, on the bank of " + to.city->title_en);
  HANSA_TRY(const auto offered, act(from, v1::Role::dispatcher, std::move(offer)));
  open_.push_back({&from, &to, "h" + std::to_string(offered.seq())});
  return {};
}

Result<void> BorderLife::answer() {
  for (const auto& one : std::exchange(open_, {})) {
    HANSA_CHECK(has_declined_ ? take(one) : decline(one));
    has_declined_ = true;
  }
  return {};
}

Result<void> BorderLife::decline(const Offer& offer) {
  v1::DeclineOffer answer;
  answer.set_alliance(kDemoAlliance);
  answer.set_from_city(offer.from->city->id);
  answer.set_handover(offer.handover);
  answer.set_reason("the stone stands ten metres further; it is on your side");
  HANSA_CHECK(act(*offer.to, v1::Role::dispatcher, std::move(answer)));
  return {};
}

Result<void> BorderLife::take(const Offer& offer) {
  v1::TakeOffer answer;
  answer.set_alliance(kDemoAlliance);
  answer.set_from_city(offer.from->city->id);
  answer.set_handover(offer.handover);
  answer.set_service(dumping());
  *answer.mutable_place() = edge_of(*offer.to->city);
  HANSA_TRY(const auto taken, act(*offer.to, v1::Role::dispatcher, std::move(answer)));
  taken_.emplace_back(offer.to, taken.subject_id());
  return {};
}

Result<void> BorderLife::finish() {
  for (const auto& [member, id] : std::exchange(taken_, {})) {
    HANSA_CHECK(bring_to_end(*member, id));
  }
  return {};
}

Result<void> BorderLife::bring_to_end(const League::Member& member, const std::string& id) {
  const std::string unit = demo_services().front().unit;
  const auto step = [&](v1::Role::Value role, auto request, const std::string& of = "") {
    request.set_case_(id);
    return act(member, role, std::move(request), of);
  };
  v1::AssignCase assignment;
  assignment.set_lead_unit(unit);
  v1::CheckCase check;
  check.set_passed(true);
  HANSA_CHECK(step(v1::Role::verifier, v1::VerifyCase()));
  HANSA_CHECK(step(v1::Role::dispatcher, v1::FileCase()));
  HANSA_CHECK(step(v1::Role::dispatcher, std::move(assignment)));
  HANSA_CHECK(step(v1::Role::unit_worker, v1::AcceptAssignment(), unit));
  HANSA_CHECK(step(v1::Role::unit_worker, v1::StartRectification(), unit));
  HANSA_CHECK(step(v1::Role::unit_worker, v1::ReportRectification(), unit));
  HANSA_CHECK(step(v1::Role::checker, std::move(check), kCheckingUnit));
  return {};
}

}  // namespace hansa::ops
