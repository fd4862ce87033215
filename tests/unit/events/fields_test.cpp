// fields.hpp against the structs on one side and schemas/*.fbs on the other.
#include "common/events/fields.hpp"

#include <boost/pfr.hpp>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "tests/unit/events/listed.hpp"
#include "tests/unit/events/schema.hpp"

namespace abide {
namespace {

using test::listed_in_schema;
using test::listed_of;
using test::type_name;

using Parts = std::tuple<Cause, Outcome, Identity, Evidence, HealthCheckResult, Artifact, Release, LinkedRelease, Window, DocumentBody,
                         Held, Welcome, OsResource, Policy, Schedule, CronTexts, Repetition, Metadata, Region, Site>;

template <class Tuple, class F>
void for_each_type(const F& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(std::type_identity<std::tuple_element_t<I, Tuple>>{}), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<Tuple>>{});
}

template <class T>
void expect_all_members_listed() {
  // NodeEventStored::event is what its envelope says, and is not listed.
  const std::size_t unlisted = std::is_same_v<T, NodeEventStored> ? 1 : 0;
  EXPECT_EQ(listed_of<T>().size() + unlisted, boost::pfr::tuple_size_v<T>)
      << type_name<T>() << " has a member that common/events/fields.hpp does not list (or the other way round)";
}

template <class T>
void expect_as_in_schema(const flatbuffers::Parser& schema) {
  const auto* table = schema.LookupStruct("abide.wire." + type_name<T>());
  ASSERT_NE(table, nullptr) << type_name<T>();
  EXPECT_EQ(listed_of<T>(), listed_in_schema(*table)) << type_name<T>() << ": common/events/fields.hpp and schemas/*.fbs differ";
}

TEST(Fields, ListEveryMemberOfEveryStruct) {
  for_each_type<PayloadMembers>([]<class T>(std::type_identity<T>) { expect_all_members_listed<T>(); });
  for_each_type<Parts>([]<class T>(std::type_identity<T>) { expect_all_members_listed<T>(); });
}

TEST(Fields, HaveTheNamesTypesAndOrderOfTheSchema) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  for_each_type<PayloadMembers>([&]<class T>(std::type_identity<T>) { expect_as_in_schema<T>(*schema); });
  for_each_type<Parts>([&]<class T>(std::type_identity<T>) { expect_as_in_schema<T>(*schema); });
}

TEST(Fields, OfEveryTableOfTheContractAreListed) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  std::set<std::string> known = {"Envelope", "Number"};
  for_each_type<PayloadMembers>([&]<class T>(std::type_identity<T>) { known.insert(type_name<T>()); });
  for_each_type<Parts>([&]<class T>(std::type_identity<T>) { known.insert(type_name<T>()); });
  for (const auto* table : schema->structs_.vec) EXPECT_TRUE(known.contains(table->name)) << table->name;
}

TEST(Fields, UnionMembersHaveTheirPlaceInTheSchema) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  const auto* payload = schema->enums_.Lookup("abide.wire.Payload");
  ASSERT_NE(payload, nullptr);
  std::map<std::int64_t, std::string> in_schema, ours;
  for (const auto* member : payload->Vals())
    if (member->GetAsInt64() != 0) in_schema[member->GetAsInt64()] = member->name;
  std::int64_t place = 0;
  for_each_type<PayloadMembers>([&]<class T>(std::type_identity<T>) { ours[++place] = type_name<T>(); });
  EXPECT_EQ(ours, in_schema);
}

template <class E>
void expect_values_as_in_schema(const flatbuffers::Parser& schema, const std::set<int>& only_in_schema = {}) {
  const auto* found = schema.enums_.Lookup("abide.wire." + type_name<E>());
  ASSERT_NE(found, nullptr) << type_name<E>();
  std::set<int> in_schema, ours = only_in_schema;
  for (const auto* value : found->Vals()) in_schema.insert(static_cast<int>(value->GetAsInt64()));
  for (int number = 0; number < 256; ++number)
    if (is_known(static_cast<E>(number))) ours.insert(number);
  EXPECT_EQ(ours, in_schema) << type_name<E>();
}

TEST(Fields, EnumsKnowTheValuesOfTheSchemaAndNoOthers) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  expect_values_as_in_schema<Slot>(*schema);
  expect_values_as_in_schema<Phase>(*schema);
  expect_values_as_in_schema<OutcomeKind>(*schema);
  expect_values_as_in_schema<BootCause>(*schema);
  expect_values_as_in_schema<Reason>(*schema);
  expect_values_as_in_schema<DocumentTopic>(*schema);
  expect_values_as_in_schema<UpdatePolicy>(*schema, {0});  // what a table has that says nothing; refused
  expect_values_as_in_schema<OsList>(*schema, {0});
  expect_values_as_in_schema<ScheduleStatus>(*schema);
}

TEST(Reasons, HaveTheNamesOfTheSchemaAndAreParsedBack) {
  const auto schema = test::parse_schema(test::joined_schemas("envelope.fbs"));
  for (const auto* value : schema->enums_.Lookup("abide.wire.Reason")->Vals()) {
    const auto reason = static_cast<Reason>(value->GetAsInt64());
    EXPECT_EQ(to_string(reason), value->name);
    EXPECT_EQ(parse_reason(value->name), reason);
  }
  EXPECT_EQ(parse_reason("no such reason"), std::nullopt);
}

}  // namespace
}  // namespace abide
