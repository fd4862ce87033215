#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/time.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

constexpr std::size_t label_width = 24;
constexpr std::size_t runs_shown_max = 5;

void line(std::ostream& out, const std::string& label, const std::string& value, std::size_t indent = 0) {
  if (value.empty()) return;
  std::string text = std::string(indent, ' ') + label + ":";
  text.append(text.size() + 1 < label_width ? label_width - text.size() : 1, ' ');
  out << text << value << "\n";
}

bool is_time(const std::string& key) {
  const auto ends = [&](std::string_view end) {
    return key.size() >= end.size() && key.compare(key.size() - end.size(), end.size(), end) == 0;
  };
  return ends("Timestamp") || key == "startTime" || key == "endTime" || key == "startSeconds" || key == "endSeconds";
}

// Every member, nested ones indented; what repeats the resource id is left out.
void tree(std::ostream& out, const Json& object, const Reading& reading, std::size_t indent) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      if (value.empty()) continue;
      out << std::string(indent, ' ') << key << ":\n";
      tree(out, value, reading, indent + 2);
    } else if (value.is_array()) {
      if (!value.empty()) line(out, key, value.dump(), indent);
    } else if (is_time(key) && value.is_number_integer()) {
      line(out, key, shown_time(value.get<std::int64_t>() * 1000, reading), indent);
    } else if (value.is_string()) {
      line(out, key, value.get<std::string>(), indent);
    } else if (!value.is_null()) {
      line(out, key, value.dump(), indent);
    }
  }
}

Result<void> describe_host(Session& session, const Json& host) {
  auto& out = *session.around.out;
  const Reading reading{Output::wide, session.around.now_ms()};
  line(out, "Host", text_at(host, "name"));
  line(out, "Id", text_at(host, "resourceId"));
  line(out, "UUID", text_at(host, "uuid"));
  line(out, "Site", text_at(host, "site.name"));
  line(out, "Region", shown_region(member_at(host, "site.region")));
  line(out, "Host status", text_at(host, "hostStatus"));
  line(out, "Operating system", text_at(host, "instance.os.name"));
  line(out, "Image", text_at(host, "instance.os.imageId"));
  line(out, "Update available", text_at(host, "instance.osUpdateAvailable"));
  line(out, "Policy", shown_policy(member_at(host, "instance")));
  line(out, "Update status", text_at(host, "instance.updateStatus"));
  if (const auto at = number_at(host, "instance.updateStatusTimestamp"); at) line(out, "  since", shown_time(*at * 1000, reading));
  line(out, "Phase", shown_progress(host, 0));

  const auto id = text_at(host, "resourceId");
  auto explanation = session.client.get(kind_of("host").path + "/" + id + "/explain");
  if (!explanation) return fail(explanation.error());
  const Json& conditions = member_at(*explanation, "conditions");
  if (conditions.is_array() && !conditions.empty()) {
    out << "Waits for:\n";
    for (const auto& condition : conditions) out << "  - " << text_at(condition, "text") << "\n";
  }

  const auto table = [&](const Kind& kind, const std::string& title) -> Result<void> {
    Selection selection;
    selection.host = id;
    auto objects = select(session, kind, selection);
    if (!objects) return fail(objects.error());
    if (objects->empty()) return {};
    out << title << ":\n";
    Json shown = Json::array();
    for (std::size_t i = 0; i < objects->size() && i < runs_shown_max; ++i) shown.push_back((*objects)[i]);
    const auto text = to_text(table_of(kind, shown, {Output::table, reading.now_ms}));
    out << "  ";
    for (std::size_t i = 0; i < text.size(); ++i) {
      out << text[i];
      if (text[i] == '\n' && i + 1 < text.size()) out << "  ";
    }
    return {};
  };
  if (const auto done = table(kind_of("schedule"), "Windows"); !done) return done;
  return table(kind_of("osupdaterun"), "Runs");
}

}  // namespace

// By its number in the journal, as --output json has it.
Result<void> describe_event(Session& session, const std::string& sequence) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(sequence.data(), sequence.data() + sequence.size(), number);
  if (error != std::errc{} || end != sequence.data() + sequence.size() || number < 1 || number == INT64_MAX)
    return fail(Code::invalid_input, "\"" + sequence + "\" is no number of an event; `abidectl get events -o json` has them as sequence");
  auto answer = session.client.get("/events", {{"after", std::to_string(number - 1)}, {"before", std::to_string(number + 1)}});
  if (!answer) return fail(answer.error());
  const Json& events = member_at(*answer, "events");
  if (!events.is_array() || events.empty()) return fail(Code::not_found, "there is no event " + sequence);
  if (session.as_document()) {
    print_document(session, events.front());
    return {};
  }
  tree(*session.around.out, events.front(), {Output::wide, session.around.now_ms()}, 0);
  return {};
}

Result<void> describe(Session& session, const Kind& kind, const std::string& name) {
  auto object = find(session, kind, name);
  if (!object) return fail(object.error());
  if (session.as_document()) {
    print_document(session, *object);
    return {};
  }
  if (kind.noun == "host") return describe_host(session, *object);
  tree(*session.around.out, *object, {Output::wide, session.around.now_ms()}, 0);
  return {};
}

}  // namespace abide::ctl
