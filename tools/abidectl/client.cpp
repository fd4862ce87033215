#include "tools/abidectl/client.hpp"

#include <cctype>
#include <curl/curl.h>
#include <nlohmann/json.hpp>
#include <optional>

namespace abide::ctl {

std::string path_segment(const std::string& text) {
  std::string result;
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || c == '-' || c == '_' || c == '.') {
      result += c;
    } else {
      result += '%';
      result += digits[byte >> 4U];
      result += digits[byte & 15U];
    }
  }
  return result;
}

namespace {

constexpr long connect_timeout_ms = 5'000;
constexpr long answer_timeout_ms = 30'000;
constexpr long hurried_timeout_ms = 1'500;  // both together
constexpr std::size_t answer_bytes_max = 64U << 20U;
constexpr int pages_max = 101;  // offset ends at 10,000 by the API's contract
constexpr int page_size = 100;
constexpr std::size_t event_bytes_max = 1U << 20U;
constexpr const char* least_uuid = "00000000-0000-0000-0000-000000000000";
constexpr long changed_meanwhile_status = 412;

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& body = *static_cast<std::string*>(user);
  if (body.size() + one * count > answer_bytes_max) return 0;
  body.append(bytes, one * count);
  return one * count;
}

// The value of a header line of this name.
std::optional<std::string> header_value(std::string_view line, std::string_view name) {
  const auto colon = line.find(':');
  if (colon != name.size()) return std::nullopt;
  for (std::size_t i = 0; i < colon; ++i)
    if (std::tolower(static_cast<unsigned char>(line[i])) != name[i]) return std::nullopt;
  line.remove_prefix(colon + 1);
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  return std::string(line);
}

std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* user) {
  if (auto tag = header_value({bytes, one * count}, "etag"); tag) *static_cast<std::string*>(user) = std::move(*tag);
  return one * count;
}

// Splits a server-sent event stream into the data of its events.
struct EventReader {
  const std::function<bool(const std::string&)>* take = nullptr;
  EventPlace* place = nullptr;
  std::string pending;
  std::string data;
  std::string id;       // of the event that is being read
  std::string refused;  // body of an answer that is no stream
  CURL* curl = nullptr;
  bool stopped = false;

  bool line(std::string_view text) {
    if (text.empty()) {
      if (data.empty()) return true;
      const std::string whole = std::move(data);
      data.clear();
      place->heard = true;
      const bool more = (*take)(whole);
      if (!id.empty()) place->id = std::move(id);
      id.clear();
      return more;
    }
    if (text.front() == ':') place->heard = true;
    const auto value = [&](std::string_view field) {
      text.remove_prefix(field.size());
      if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
      return text;
    };
    if (text.substr(0, 3) == "id:") {
      id = value("id:");
    } else if (text.substr(0, 5) == "data:") {
      if (!data.empty()) data += '\n';
      data += value("data:");
    }
    return data.size() <= event_bytes_max;
  }
};

std::size_t take_events(char* bytes, std::size_t one, std::size_t count, void* user) {
  auto& reader = *static_cast<EventReader*>(user);
  long status = 0;
  curl_easy_getinfo(reader.curl, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300) {
    if (reader.refused.size() < event_bytes_max) reader.refused.append(bytes, one * count);
    return one * count;
  }
  reader.place->opened = true;
  reader.pending.append(bytes, one * count);
  std::size_t begin = 0;
  for (auto end = reader.pending.find('\n'); end != std::string::npos; end = reader.pending.find('\n', begin)) {
    std::string_view line(reader.pending.data() + begin, end - begin);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    begin = end + 1;
    if (!reader.line(line)) {
      reader.stopped = true;
      return 0;
    }
  }
  reader.pending.erase(0, begin);
  if (reader.pending.size() > event_bytes_max) return 0;
  return one * count;
}

Error refusal(long status, const std::string& body) {
  std::string message;
  std::string code;
  const Json parsed = Json::parse(body, nullptr, false);
  if (parsed.is_object()) {
    message = text_at(parsed, "message");
    code = text_at(parsed, "code");
  }
  if (message.empty()) message = "the server answered " + std::to_string(status);
  if (status == 404) return {Code::not_found, message};
  // Nothing is wrong with the words, but with how things stand.
  if (status == 409 || status == 410 || status == changed_meanwhile_status || code == "FailedPrecondition")
    return {Code::conflict, message};
  if (status == 502 || status == 503 || status == 504) return {Code::unavailable, message};
  return {Code::denied, message};
}

}  // namespace

struct Client::Curl {
  CURL* handle = curl_easy_init();
  ~Curl() {
    if (handle != nullptr) curl_easy_cleanup(handle);
  }
  Curl() = default;
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;
};

Client::Client(std::string server, std::string project)
    : server_(std::move(server)), project_(std::move(project)), curl_(std::make_unique<Curl>()) {}
Client::~Client() = default;

void Client::hurry() {
  hurries_ = true;
}

std::string Client::url_of(const std::string& path, const Query& query) const {
  std::string url = server_ + "/v1/projects/" + path_segment(project_) + path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += separator + name + "=" + path_segment(value);
    separator = '&';
  }
  return url;
}

bool Client::changed_meanwhile() const {
  return status_ == changed_meanwhile_status;
}

Result<Json> Client::perform(const std::string& method, const std::string& path, const Query& query, const std::string& body,
                             const std::string& if_match) {
  status_ = 0;
  tag_.clear();
  CURL* curl = curl_->handle;
  if (curl == nullptr) return fail(Code::unavailable, "libcurl cannot start");
  curl_easy_reset(curl);
  const std::string url = url_of(path, query);
  std::string answer;
  curl_slist* headers = curl_slist_append(nullptr, "Accept: application/json");
  if (!body.empty()) headers = curl_slist_append(headers, "Content-Type: application/json");
  if (!if_match.empty()) headers = curl_slist_append(headers, ("If-Match: " + if_match).c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, hurries_ ? hurried_timeout_ms : answer_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &tag_);
  if (!body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  const CURLcode outcome = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (outcome == CURLE_OPERATION_TIMEDOUT) return fail(Code::timeout, server_ + " does not answer in time");
  if (outcome != CURLE_OK) return fail(Code::unavailable, server_ + " cannot be reached: " + curl_easy_strerror(outcome));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status_);
  if (status_ < 200 || status_ >= 300) return fail(refusal(status_, answer));
  if (answer.empty()) return Json(nullptr);
  Json parsed = Json::parse(answer, nullptr, false);
  if (parsed.is_discarded()) return fail(Code::corrupt, url + ": the answer is not JSON; is this an abide-orchestrator?");
  return parsed;
}

Result<Json> Client::get(const std::string& path, const Query& query) {
  return perform("GET", path, query, {});
}

Result<Json> Client::send(const std::string& method, const std::string& path, const Json& body, const std::string& if_match) {
  return perform(method, path, {}, body.is_null() ? std::string() : body.dump(), if_match);
}

Result<bool> Client::page(const std::string& path, const std::string& key, const Query& query, const Visit& visit) {
  auto answer = get(path, query);
  if (!answer) return fail(answer.error());
  if (const auto found = answer->find(key); found != answer->end() && found->is_array())
    for (auto& element : *found) visit(std::move(element));
  const Json& more = member_at(*answer, "hasNext");
  return more.is_boolean() && more.get<bool>();
}

Result<void> Client::list(const std::string& path, const std::string& key, const Query& query, const Visit& visit) {
  for (int number = 0; number < pages_max; ++number) {
    Query paged = query;
    paged.emplace_back("pageSize", std::to_string(page_size));
    paged.emplace_back("offset", std::to_string(number * page_size));
    const auto more = page(path, key, paged, visit);
    if (!more) return fail(more.error());
    if (!*more) return {};
  }
  return fail(Code::denied, path + ": more elements than the API can page through; ask for fewer, by --filter, --site or --region");
}

Result<void> Client::list_by_uuid(const std::string& path, const std::string& key, const std::string& uuid_path, const Query& query,
                                  const Visit& visit) {
  std::string after = least_uuid;
  while (true) {
    Query paged = query;
    paged.emplace_back("pageSize", std::to_string(page_size));
    paged.emplace_back("after", after);
    const auto before = after;
    const auto more = page(path, key, paged, [&](Json&& element) {
      after = text_at(element, uuid_path);
      visit(std::move(element));
    });
    if (!more) return fail(more.error());
    if (!*more) return {};
    if (after <= before) return fail(Code::corrupt, path + ": the server's pages go in a circle at " + before);
  }
}

Result<void> Client::stream(const std::string& path, const Query& query, EventPlace& place, std::int64_t silence_seconds,
                            const std::function<bool(const std::string& data)>& take) {
  CURL* curl = curl_->handle;
  if (curl == nullptr) return fail(Code::unavailable, "libcurl cannot start");
  curl_easy_reset(curl);
  const std::string url = url_of(path, query);
  place.opened = place.heard = false;
  EventReader reader;
  reader.take = &take;
  reader.place = &place;
  reader.curl = curl;
  curl_slist* headers = curl_slist_append(nullptr, "Accept: text/event-stream");
  if (!place.id.empty()) headers = curl_slist_append(headers, ("Last-Event-ID: " + place.id).c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes a second
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(silence_seconds));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_events);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reader);
  const CURLcode outcome = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (reader.stopped) return {};
  if (outcome == CURLE_OPERATION_TIMEDOUT) return fail(Code::timeout, server_ + " is silent");
  if (outcome != CURLE_OK) return fail(Code::unavailable, server_ + ": " + curl_easy_strerror(outcome));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status >= 300) return fail(refusal(status, reader.refused));
  return {};
}

}  // namespace abide::ctl
