#include "simulators/node-fleet/operator.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/core/hash.hpp"
#include "common/core/version.hpp"

namespace abide::node_fleet {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t calls_at_once = 16;
constexpr std::size_t progress_step = 100;
constexpr std::size_t busy_tries_max = 5;  // in a row, of which none got through
constexpr milliseconds look_every{50};
constexpr milliseconds away_pause{500};     // an orchestrator that is being started again
constexpr milliseconds sighting_pause{20};  // between two samples: a load of its own would be measured else
constexpr milliseconds sighting_max{60'000};
constexpr std::int64_t window_lead_s = 2;  // a single schedule begins in the future; doubled where the answer took longer
constexpr int page_size = 100;

std::string path_of(const std::string& project, const std::string& rest) {
  return "/v1/projects/" + Rest::escaped(project) + rest;
}

Result<Json> json_of(Result<std::string> answer) {
  if (!answer) return fail(answer.error());
  auto json = Json::parse(*answer, nullptr, false);
  if (json.is_discarded()) return fail(Code::corrupt, "--api: an answer is not JSON; is this an abide-orchestrator?");
  return json;
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// All pages of a list; nothing else pages here that would have more than the API pages through.
Result<std::vector<Json>> list(Rest& rest, const std::string& path, const std::string& key) {
  std::vector<Json> all;
  while (true) {
    auto page = json_of(rest.ask({"GET", fmt::format("{}?pageSize={}&offset={}", path, page_size, all.size()), ""}));
    if (!page) return fail(page.error());
    const auto items = page->value(key, Json::array());
    all.insert(all.end(), items.begin(), items.end());
    if (!page->value("hasNext", false) || items.empty()) return all;
  }
}

bool older(const std::string& left, const std::string& right) {
  const auto order = compare_versions(left, right);
  return order ? *order < 0 : left < right;
}

}  // namespace

Result<SlotContent> Operator::prepare() {
  for (std::size_t i = 0; i < options_.projects; ++i) {
    const auto project = project_of(options_, i);
    if (auto made = rest_.ask({"PUT", path_of(project, ""), ""}); !made) return fail(made.error());
    (void)rest_.ask({"POST", path_of(project, "/refresh"), "{}"});  // a release service that is away is told by what is missing
    places_.push_back({project, "", "", ""});
  }
  auto images = list(rest_, path_of(places_.front().project, "/compute/os"), "OperatingSystemResources");
  if (!images) return fail(images.error());
  std::map<std::string, std::vector<Json>> by_profile;
  for (const auto& image : *images) by_profile[text_at(image, "profileName")].push_back(image);
  for (auto& [profile, of_profile] : by_profile) {
    if (!options_.profile.empty() && profile != options_.profile) continue;
    std::sort(of_profile.begin(), of_profile.end(),
              [](const Json& left, const Json& right) { return older(text_at(left, "imageId"), text_at(right, "imageId")); });
    const Json* base = &of_profile.front();
    for (const auto& image : of_profile)
      if (!options_.image.empty() && text_at(image, "imageId") == options_.image) base = &image;
    if (options_.image.empty() && options_.profile.empty() && of_profile.size() < 2) continue;
    const bool known = options_.image.empty() || text_at(*base, "imageId") == options_.image;
    SlotContent content{profile, known ? text_at(*base, "imageId") : options_.image, text_at(*base, "architecture"), {}, true};
    auto digest = parse_digest(known ? text_at(*base, base->contains("rawSha256") ? "rawSha256" : "sha256") : "");
    content.digest = digest ? *digest : sha256(profile + "\n" + content.os_image_id);
    return content;
  }
  return fail(Code::not_found, options_.profile.empty()
                                   ? "--api: no profile there has two images, an old one to begin with and a newer one to go to"
                                   : "--profile " + options_.profile + ": the API has no image of it");
}

Result<std::string> Operator::find_or_make(const std::string& project, const std::string& path, const std::string& key,
                                           const std::string& name, const std::string& body) {
  auto found = list(rest_, path_of(project, path), key);
  if (!found) return fail(found.error());
  for (const auto& one : *found)
    if (text_at(one, "name") == name) return text_at(one, "resourceId");
  auto made = json_of(rest_.ask({"POST", path_of(project, path), body}));
  if (!made) return fail(made.error());
  return text_at(*made, "resourceId");
}

Result<void> Operator::register_all(const std::function<bool(std::size_t done)>& progress) {
  const auto name = fmt::format("node-fleet {}", options_.seed);
  for (auto& place : places_) {
    auto region = find_or_make(place.project, "/regions", "regions", name, Json{{"name", name}}.dump());
    if (!region) return fail(region.error());
    place.region = *region;
    auto site = find_or_make(place.project, "/regions/" + place.region + "/sites", "sites", name,
                             Json{{"name", name}, {"regionId", place.region}}.dump());
    if (!site) return fail(site.error());
    place.site = *site;
  }
  std::vector<std::size_t> open(options_.nodes);
  std::iota(open.begin(), open.end(), std::size_t{0});
  std::size_t done = 0;
  std::size_t tries = 0;
  std::optional<Error> refused;
  // In slices, so that it can be stopped. What the server is too busy for is asked again: it may have been done, which is well, too.
  while (!open.empty() && !refused && progress(done)) {
    const auto many = std::min(progress_step, open.size());
    std::vector<std::size_t> again;
    rest_.ask_all(
        many, calls_at_once,
        [&](std::size_t index) {
          const auto number = open[open.size() - 1 - index];
          const auto& place = places_[number % places_.size()];
          const Json body{{"name", fmt::format("fleet-{}-{}", options_.seed, number)},
                          {"uuid", to_string(node_id_of(options_, number))},
                          {"siteId", place.site}};
          return Call{"POST", path_of(place.project, "/compute/hosts"), body.dump()};
        },
        [&](std::size_t index, const Answer& answer) {
          const bool there = answer.status == 400 && answer.body.find("FailedPrecondition") != std::string::npos;
          const bool busy = answer.status == 503 || answer.status == 0;
          if (answer.good() || there) {
            ++done;
          } else if (busy && tries < busy_tries_max) {
            again.push_back(open[open.size() - 1 - index]);
          } else if (!refused) {
            refused = Error{answer.status == 0 ? Code::unavailable : Code::denied,
                            fmt::format("register a node: {} {}", answer.status, answer.body)};
          }
        });
    tries = again.size() == many ? tries + 1 : 0;
    open.resize(open.size() - many);
    open.insert(open.end(), again.begin(), again.end());
  }
  if (refused) return fail(*refused);
  return {};
}

// Again where the server is too busy, and until the run ends where it is away: what is asked for here may happen twice.
Result<std::string> Operator::insist(const Call& call, Board& board) {
  for (std::size_t tries = 1;; ++tries) {
    auto answer = rest_.ask(call);
    if (answer) return answer;
    const bool away = answer.error().code == Code::unavailable && board.pause(away_pause);
    const bool busy = answer.error().code == Code::timeout && tries < busy_tries_max;
    if (!away && !busy) return answer;
  }
}

Result<void> Operator::link(Place& place, Board& board) {
  const auto name = fmt::format("node-fleet {}", options_.seed);
  const auto make = [&] {
    return find_or_make(place.project, "/os-update-policies", "osUpdatePolicies", name,
                        Json{{"name", name}, {"updatePolicy", "UPDATE_POLICY_LATEST"}}.dump());
  };
  auto policy = make();
  while (!policy && policy.error().code == Code::unavailable && board.pause(away_pause)) policy = make();
  if (!policy) return fail(policy.error());
  place.policy = *policy;
  board.ask({place.project, std::chrono::steady_clock::now(), std::nullopt});
  auto linked =
      insist({"PATCH", path_of(place.project, "/regions/" + place.region), Json{{"osUpdatePolicyID", place.policy}}.dump()}, board);
  if (!linked) return fail(linked.error());
  return {};
}

Result<void> Operator::open_window(Place& place, Board& board) {
  std::int64_t lead_s = window_lead_s;
  for (std::size_t tries = 1;; ++tries, lead_s *= 2) {
    const auto wall = std::chrono::system_clock::now();
    const auto steady = std::chrono::steady_clock::now();
    const auto start = std::chrono::floor<std::chrono::seconds>(wall.time_since_epoch()).count() + lead_s;
    const auto opens = steady + (std::chrono::seconds(start) - std::chrono::duration_cast<milliseconds>(wall.time_since_epoch()));
    const Json body{{"name", fmt::format("node-fleet {} {}", options_.seed, start)},
                    {"scheduleStatus", "SCHEDULE_STATUS_OS_UPDATE"},
                    {"startSeconds", start},
                    {"endSeconds", start + options_.window_ms / 1'000},
                    {"targetRegionId", place.region}};
    auto made = rest_.ask({"POST", path_of(place.project, "/schedules/single"), body.dump()});
    if (made) {
      board.ask({place.project, std::nullopt, opens});
      return {};
    }
    const bool busy = made.error().code == Code::timeout;
    const bool late = std::chrono::steady_clock::now() >= opens;  // it lay in the past when the server came to it
    if (made.error().code == Code::unavailable && board.pause(away_pause)) {
      lead_s = window_lead_s;
      tries = 0;
      continue;
    }
    if ((!busy && !late) || tries == busy_tries_max) return fail(made.error());
  }
}

Result<void> Operator::drive(Board& board) {
  const auto wait = [&](auto reached) {
    while (!reached(board.tally()))
      if (!board.pause(look_every)) return false;
    return true;
  };
  // Where connections break all the time some node has always just come back.
  const auto enough = options_.nodes - options_.nodes / 100;
  if (!wait([&](const Tally& tally) { return tally.nodes == options_.nodes && tally.welcomed + tally.offline + tally.down >= enough; }))
    return {};
  for (auto& place : places_)
    if (auto linked = link(place, board); !linked) return linked;
  if (!wait([&](const Tally& tally) { return tally.settled + tally.offline >= enough; })) return {};
  for (auto& place : places_)
    if (auto opened = open_window(place, board); !opened) return opened;
  return {};
}

// ---- how an event shows -----------------------------------------------------------------------------------------------------

void watch_sightings(const std::string& api, Board& board) {
  Rest rest(api);
  while (auto sighting = board.wait_for_sighting()) {
    const auto path = path_of(sighting->project, "/compute/instances/" + to_string(sighting->node));
    std::optional<std::uint64_t> took_us;
    while (!board.stopping() && std::chrono::steady_clock::now() - sighting->at < sighting_max) {
      const auto shown = json_of(rest.ask({"GET", path, ""}));
      const auto at = std::chrono::steady_clock::now();
      if (shown) {
        const auto node = shown->value("node", Json::object());
        if (text_at(node, "journal") == to_hex(sighting->journal) && node.value("upto", std::uint64_t{0}) >= sighting->sequence) {
          took_us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(at - sighting->at).count());
          break;
        }
      }
      // A tenth of what has passed: exact enough, and an API that is late anyway is not asked a thousand times a second.
      const auto passed = std::chrono::duration_cast<milliseconds>(at - sighting->at);
      if (!board.pause(std::max(milliseconds(1), passed / 10))) break;
    }
    if (!board.pause(sighting_pause)) return;
    board.seen(took_us);
  }
}

// ---- at the end -------------------------------------------------------------------------------------------------------------

Result<Losses> reckon(const Options& options, const std::vector<NodeEnd>& nodes, std::int64_t began_wall_ms) {
  Losses losses;
  const auto tell = [&](std::string what) {
    if (losses.examples.size() < loss_examples_max) losses.examples.push_back(std::move(what));
  };
  for (const auto& node : nodes) {
    if (!node.was_online || node.account.acked >= node.account.last) continue;
    losses.unacknowledged += node.account.last - node.account.acked;
    tell(fmt::format("{} of {}: {} of {} events are acknowledged, {}", to_string(node.name.node), node.name.project, node.account.acked,
                     node.account.last, node.account.waits_for));
  }
  if (options.api.empty()) return losses;
  losses.checked = true;
  Rest rest(options.api);
  std::optional<Error> silent;
  rest.ask_all(
      nodes.size(), calls_at_once,
      [&](std::size_t index) {
        return Call{"GET", path_of(nodes[index].name.project, "/compute/instances/" + to_string(nodes[index].name.node)), ""};
      },
      [&](std::size_t index, const Answer& answer) {
        const auto& node = nodes[index];
        if (node.account.acked == 0) return;  // nothing that anybody has ever confirmed
        if (answer.status == 0) {
          silent = Error{Code::unavailable, "--api: " + answer.body};
          return;
        }
        const auto json = Json::parse(answer.body, nullptr, false);
        const auto shown = json.is_object() ? json.value("node", Json::object()) : Json::object();
        const auto upto = shown.value("upto", std::uint64_t{0});
        const auto who = to_string(node.name.node) + " of " + node.name.project;
        if (text_at(shown, "journal") != to_hex(node.account.journal)) {
          ++losses.other_journals;
          tell(who + ": the API shows journal " + text_at(shown, "journal") + ", the node has " + to_hex(node.account.journal));
        } else if (upto < node.account.acked) {
          losses.missing += node.account.acked - upto;
          tell(fmt::format("{}: {} events were acknowledged, the API has {}", who, node.account.acked, upto));
        }
      });
  if (silent) return fail(*silent);
  for (std::size_t i = 0; i < options.projects; ++i) {
    auto page = json_of(rest.ask(
        {"GET", path_of(project_of(options, i), fmt::format("/events?type=GapNoted&pageSize=1000&since={}", began_wall_ms / 1'000)), ""}));
    if (!page) return fail(page.error());
    for (const auto& event : page->value("events", Json::array())) {
      ++losses.gaps;
      tell(text_at(event, "text"));
    }
  }
  return losses;
}

}  // namespace abide::node_fleet
