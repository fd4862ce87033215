// abidectl next: what needs no server, only the calendar.
#include <nlohmann/json.hpp>
#include <ostream>

#include "common/core/calendar.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

constexpr std::int64_t ms_per_second = 1000;

std::int64_t whole_seconds(std::int64_t at_ms) {
  return at_ms / ms_per_second - (at_ms % ms_per_second < 0 ? 1 : 0);
}

}  // namespace

Result<void> next_openings(Session& session, const NextOpenings& asked) {
  const auto texts = split_cron_text(asked.cron);
  if (!texts) return fail(texts.error());
  const auto repeat = make_repeat(*texts, 1, asked.zone);
  if (!repeat) return fail(repeat.error());
  const auto after_ms = parse_when(asked.after, session.around.now_ms());
  if (!after_ms) return fail(after_ms.error().in("--after"));

  const auto openings = openings_between(*repeat, whole_seconds(*after_ms) + 1, open_end, static_cast<std::size_t>(asked.count));
  if (openings.empty())
    return fail(Code::not_found, "no opening of \"" + asked.cron + "\" after " + asked.after + " in what four digits of a year can say");
  Json lines = Json::array();
  for (const auto opening : openings) lines.push_back(to_rfc3339(repeat->zone, opening));
  if (session.as_document()) {
    print_document(session, lines);
  } else {
    for (const auto& line : lines) *session.around.out << line.get<std::string>() << "\n";
  }
  return {};
}

}  // namespace abide::ctl
