#include "orchestrator/discovery/lists.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "common/core/hash.hpp"
#include "orchestrator/discovery/files.hpp"

namespace abide::discovery {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view file_scheme = "file://";
constexpr int unreachable_max = 3;  // lists in a row; then the file server is left alone for this pass

bool same_word(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](char a, char b) { return lower(a) == lower(b); });
}

const Json* find_any_case(const Json& object, std::string_view key) {
  for (const auto& [name, value] : object.items()) {
    if (same_word(name, key)) return &value;
  }
  return nullptr;
}

Result<void> check_first(const Json& list, const char* what, std::initializer_list<const char*> keys) {
  if (list.empty()) return fail(Code::invalid_input, std::string(what) + " is empty");
  const Json& first = list.front();
  if (!first.is_object()) return fail(Code::invalid_input, "the first entry of " + std::string(what) + " is not an object");
  for (const char* key : keys) {
    const Json* value = find_any_case(first, key);
    if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty())
      return fail(Code::invalid_input, "the first entry of " + std::string(what) + " has no `" + key + "`");
  }
  return {};
}

Result<void> check_kind(ListKind kind, const Json& root) {
  if (kind == ListKind::cves) {
    if (!root.is_array()) return fail(Code::invalid_input, "is not a list of CVEs");
    return check_first(root, "the list", {"cve_id", "priority"});
  }
  const Json* repo = root.is_object() ? find_any_case(root, "Repo") : nullptr;
  if (repo == nullptr || !repo->is_array()) return fail(Code::invalid_input, "is not an object with a list `Repo`");
  return check_first(*repo, "`Repo`", {"Name", "Version"});
}

}  // namespace

Result<std::string> compact_list(ListKind kind, std::string_view json) {
  if (json.size() > list_bytes_max) return fail(Code::invalid_input, "larger than " + std::to_string(list_bytes_max) + " bytes");
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
    const bool begins = event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    too_deep = too_deep || (begins && depth >= static_cast<int>(list_depth_max));
    return !too_deep;
  };
  const Json root = Json::parse(json, watch, false);
  if (too_deep) return fail(Code::invalid_input, "is deeper than " + std::to_string(list_depth_max) + " levels");
  if (root.is_discarded()) return fail(Code::invalid_input, "is not JSON");
  if (auto checked = check_kind(kind, root); !checked) return fail(checked.error());
  std::string text = root.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > list_text_bytes_max)
    return fail(Code::invalid_input,
                "has " + std::to_string(text.size()) + " bytes without blanks, more than " + std::to_string(list_text_bytes_max));
  return text;
}

Lists::Lists(const SourceSettings& settings, std::string files_root, std::int64_t poll_ms)
    : files_root_(std::move(files_root)),
      pass_timeout_ms_(settings.pass_timeout_ms),
      now_(settings.now),
      ledger_(poll_ms, Random{settings.seed + 1}),
      http_(settings.connect_timeout_ms, settings.request_timeout_ms) {}

// Of immutable images only: what a mutable one consists of is nobody's business here.
std::vector<Lists::Wanted> Lists::lists_of(const OsResource& resource) {
  if (resource.os_type != "OS_TYPE_IMMUTABLE") return {};
  return {{ListKind::packages, resource.package_manifest_url},
          {ListKind::cves, resource.existing_cves_url},
          {ListKind::cves, resource.fixed_cves_url}};
}

std::string Lists::place_of(const std::string& path) const {
  return absolute_url(files_root_, path);
}

void Lists::add_known(Read& read) {
  for (const auto& [source, resource] : read.profiles.found) {
    if (resource.os_type != "OS_TYPE_IMMUTABLE") continue;
    const auto good = [&](const std::string& path) {
      const auto list = path.empty() ? lists_.end() : lists_.find(place_of(path));
      return list == lists_.end() ? nullptr : list->second.good;
    };
    fleet::ReleaseLists lists{good(resource.package_manifest_url), good(resource.existing_cves_url), good(resource.fixed_cves_url)};
    if (lists.installed_packages || lists.existing_cves || lists.fixed_cves)
      read.profiles.lists.emplace(ReleaseKey{resource.profile_name, resource.image_id}, std::move(lists));
  }
  read.rows.insert(read.rows.end(), rows_.begin(), rows_.end());
  read.profiles.failures = failures_of(read.rows);
  auto& reach = read.profiles.reach;
  (whole_ ? reach.whole : reach.unread).push_back(files_root_);
  for (const auto& [url, list] : lists_)
    if (list.good) reach.fine.push_back(url);
}

bool Lists::refresh(const Read& read, bool everything) {
  const Now now = now_();
  ledger_.begin(now, everything);
  for (auto& [url, list] : lists_) list.wanted = false;
  std::vector<std::pair<std::string, ListKind>> fresh, old;  // what was never read goes first
  for (const auto& [source, resource] : read.profiles.found) {
    for (const auto& [kind, path] : lists_of(resource)) {
      if (path.empty()) continue;
      const std::string url = place_of(path);
      if (url != path && !is_safe_relative_path(path)) {
        ledger_.refused(url, "is no path below the file server: " + path);
        continue;
      }
      const auto [list, is_new] = lists_.try_emplace(url);
      if (!is_new && list->second.wanted) continue;
      list->second.wanted = true;
      (list->second.good ? old : fresh).emplace_back(url, kind);
    }
  }
  std::erase_if(lists_, [&](const auto& entry) {
    const bool gone = read.complete && !entry.second.wanted;
    if (gone && entry.second.good) bytes_ -= entry.second.good->text.size();
    return gone;
  });
  fresh.insert(fresh.end(), old.begin(), old.end());
  const auto [changed, whole] = refresh_all(fresh, now, everything);
  const bool complete = whole && read.complete;
  whole_ = complete;
  auto rows = ledger_.finish(complete);
  const auto same = [](const FailureRow& a, const FailureRow& b) { return a.source == b.source && a.error == b.error; };
  const bool rows_changed = !std::equal(rows.begin(), rows.end(), rows_.begin(), rows_.end(), same);
  rows_ = std::move(rows);
  return changed || rows_changed;
}

std::pair<bool, bool> Lists::refresh_all(const std::vector<std::pair<std::string, ListKind>>& urls, const Now& now, bool everything) {
  const std::int64_t age_ms = files_root_.starts_with(file_scheme) ? 0 : list_fresh_ms;
  bool changed = false;
  int unreachable = 0;
  for (const auto& [url, kind] : urls) {
    List& list = lists_.at(url);
    const bool fresh = list.good && now.mono_ms - list.good_at_mono_ms < age_ms;
    if (!everything && fresh && !ledger_.failing(url)) continue;
    // The rest, with the rows that it may have, stays as it is.
    if (unreachable >= unreachable_max || http_.cancelled() || now_().mono_ms > now.mono_ms + pass_timeout_ms_) return {changed, false};
    if (!ledger_.ask(url)) continue;
    auto fetched = fetch(url, kind, list);
    if (fetched) {
      list.good_at_mono_ms = now.mono_ms;
      ledger_.good(url);
      changed = changed || *fetched;
      unreachable = 0;
      continue;
    }
    if (http_.cancelled()) return {changed, false};
    if (url.starts_with(file_scheme)) {
      ledger_.refused(url, fetched.error().message);  // looking again costs nothing
      continue;
    }
    ledger_.failed(url, fetched.error().message);
    const bool away = fetched.error().code == Code::unavailable || fetched.error().code == Code::timeout;
    unreachable = away ? unreachable + 1 : 0;
  }
  return {changed, true};
}

Result<bool> Lists::fetch(const std::string& url, ListKind kind, List& list) {
  auto fetched = get(url, list);
  if (!fetched) return fail(fetched.error());
  if (fetched->not_modified && list.good) return false;
  auto text = compact_list(kind, fetched->body);
  if (!text) return fail(text.error());
  const std::size_t before = list.good ? list.good->text.size() : 0;
  if (bytes_ - before + text->size() > lists_bytes_max)
    return fail(Code::invalid_input, "not kept: all lists together would be larger than " + std::to_string(lists_bytes_max) + " bytes");
  bytes_ = bytes_ - before + text->size();
  const bool changed = !list.good || list.good->text != *text;
  if (changed) {
    const Digest digest = sha256(*text);
    list.good = std::make_shared<const fleet::ReleaseList>(fleet::ReleaseList{*std::move(text), digest});
  }
  list.etag = fetched->etag;
  list.last_modified = fetched->last_modified;
  return changed;
}

Result<Fetched> Lists::get(const std::string& url, const List& list) {
  if (!url.starts_with(file_scheme)) return http_.get(url, list_bytes_max, list.good ? list.etag : "", list.good ? list.last_modified : "");
  const std::string path = path_of_file_url(url);
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  const auto changed_at = std::filesystem::last_write_time(path, error);
  Fetched fetched;
  if (!error) fetched.etag = std::to_string(size) + "@" + std::to_string(changed_at.time_since_epoch().count());
  fetched.not_modified = list.good && !fetched.etag.empty() && fetched.etag == list.etag;
  if (fetched.not_modified) return fetched;
  auto bytes = read_file(path, list_bytes_max);
  if (!bytes) return fail(bytes.error());
  fetched.body = *std::move(bytes);
  return fetched;
}

}  // namespace abide::discovery
