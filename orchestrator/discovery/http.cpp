#include "orchestrator/discovery/http.hpp"

#include <algorithm>
#include <atomic>
#include <curl/curl.h>
#include <mutex>

namespace abide::discovery {

namespace {

constexpr long redirects_max = 3;
constexpr std::size_t header_bytes_max = 4096;

struct Transfer {
  std::size_t bytes_max = 0;
  bool too_large = false;
  HttpAnswer answer;
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  const std::size_t length = size * count;
  if (transfer->answer.body.size() + length > transfer->bytes_max) {
    transfer->too_large = true;
    return 0;
  }
  transfer->answer.body.append(bytes, length);
  return length;
}

bool starts_with_ignoring_case(std::string_view line, std::string_view name) {
  if (line.size() < name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = line[i] >= 'A' && line[i] <= 'Z' ? static_cast<char>(line[i] - 'A' + 'a') : line[i];
    if (c != name[i]) return false;
  }
  return true;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  const std::string_view line(bytes, size * count);
  const auto value = [&](std::string_view name) -> std::string {
    std::string_view rest = line.substr(name.size());
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
    while (!rest.empty() && (rest.back() == '\r' || rest.back() == '\n' || rest.back() == ' ')) rest.remove_suffix(1);
    return rest.size() > header_bytes_max ? std::string() : std::string(rest);
  };
  auto& answer = transfer->answer;
  if (starts_with_ignoring_case(line, "http/")) answer = {};  // a redirect's headers are not the answer's
  if (starts_with_ignoring_case(line, "etag:")) answer.etag = value("etag:");
  if (starts_with_ignoring_case(line, "last-modified:")) answer.last_modified = value("last-modified:");
  if (starts_with_ignoring_case(line, "content-type:")) answer.content_type = value("content-type:");
  if (starts_with_ignoring_case(line, "link:")) answer.link = value("link:");
  if (starts_with_ignoring_case(line, "docker-content-digest:")) answer.content_digest = value("docker-content-digest:");
  // Of several challenges the one that we know best.
  if (starts_with_ignoring_case(line, "www-authenticate:")) {
    const std::string challenge = value("www-authenticate:");
    if (answer.challenge.empty() || starts_with_ignoring_case(challenge, "bearer ")) answer.challenge = challenge;
  }
  return line.size();
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<std::atomic<bool>*>(context)->load() ? 1 : 0;
}

// One header line; nothing where the value could end the line.
void add_header(curl_slist*& headers, const char* name, const std::string& value) {
  if (value.empty() || value.find_first_of("\r\n") != std::string::npos) return;
  headers = curl_slist_append(headers, (std::string(name) + ": " + value).c_str());
}

}  // namespace

struct Http::Handle {
  CURL* curl = nullptr;
  std::atomic<bool> cancelled{false};
  std::int64_t connect_timeout_ms = 0;
  std::int64_t request_timeout_ms = 0;
};

Http::Http(std::int64_t connect_timeout_ms, std::int64_t request_timeout_ms) : handle_(std::make_unique<Handle>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  handle_->curl = curl_easy_init();
  handle_->connect_timeout_ms = connect_timeout_ms;
  handle_->request_timeout_ms = request_timeout_ms;
}

Http::~Http() {
  if (handle_->curl != nullptr) curl_easy_cleanup(handle_->curl);
}

void Http::cancel() {
  handle_->cancelled = true;
}

bool Http::cancelled() const {
  return handle_->cancelled;
}

Result<HttpAnswer> Http::ask(const HttpRequest& request) {
  CURL* curl = handle_->curl;
  if (curl == nullptr) return fail(Code::unavailable, "libcurl gave no handle");
  curl_easy_reset(curl);  // keeps the connections
  Transfer transfer;
  transfer.bytes_max = request.bytes_max;
  char reason[CURL_ERROR_SIZE] = "";
  curl_slist* headers = nullptr;
  add_header(headers, "Accept", request.accept);
  add_header(headers, "Authorization", request.authorization);
  add_header(headers, "If-None-Match", request.etag);
  add_header(headers, "If-Modified-Since", request.last_modified);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, starts_with_ignoring_case(request.url, "https:") ? "https" : "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, redirects_max);
  if (!request.user_password.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERPWD, request.user_password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(handle_->connect_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(handle_->request_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "abide-orchestrator");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &handle_->cancelled);
  const CURLcode code = curl_easy_perform(curl);
  curl_slist_free_all(headers);
  if (transfer.too_large) return fail(Code::invalid_input, request.url + ": larger than " + std::to_string(request.bytes_max) + " bytes");
  if (code != CURLE_OK) {
    const std::string why = reason[0] != '\0' ? reason : curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) return fail(Code::timeout, request.url + ": " + why);
    return fail(code == CURLE_URL_MALFORMAT ? Code::invalid_input : Code::unavailable, request.url + ": " + why);
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
  return std::move(transfer.answer);
}

Result<Fetched> Http::get(const std::string& url, std::size_t bytes_max, const std::string& etag, const std::string& last_modified) {
  HttpRequest request;
  request.url = url;
  request.bytes_max = bytes_max;
  request.etag = etag;
  request.last_modified = last_modified;
  auto answer = ask(request);
  if (!answer) return fail(answer.error());
  if (answer->status == 304) return Fetched{true, {}, std::move(answer->etag), std::move(answer->last_modified)};
  if (answer->status != 200) return fail(code_of_status(answer->status), url + ": HTTP status " + std::to_string(answer->status));
  return Fetched{false, std::move(answer->body), std::move(answer->etag), std::move(answer->last_modified)};
}

Code code_of_status(long status) {
  if (status == 404 || status == 410) return Code::not_found;
  if (status == 401 || status == 403) return Code::denied;
  if (status == 408 || status == 429 || status >= 500) return Code::unavailable;
  return Code::invalid_input;
}

Result<UrlPlace> place_of_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  const auto part = [&](CURLUPart which, unsigned flags) {
    char* text = nullptr;
    std::string found;
    if (curl_url_get(parsed.get(), which, &text, flags) == CURLUE_OK && text != nullptr) found = text;
    curl_free(text);
    for (char& c : found) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return found;
  };
  if (parsed == nullptr || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return fail(Code::invalid_input, "is no URL: " + url.substr(0, 200));
  UrlPlace place{part(CURLUPART_SCHEME, 0), part(CURLUPART_HOST, 0), {}};
  if ((place.scheme != "http" && place.scheme != "https") || place.host.empty())
    return fail(Code::invalid_input, "is no http(s) URL: " + url.substr(0, 200));
  place.origin = place.scheme + "://" + place.host + ":" + part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (place.host.starts_with('[') && place.host.ends_with(']')) place.host = place.host.substr(1, place.host.size() - 2);
  return place;
}

std::string path_of_file_url(const std::string& url) {
  constexpr std::string_view scheme = "file://";
  const std::string rest = url.substr(std::min(url.size(), scheme.size()));
  int length = 0;
  char* text = curl_easy_unescape(nullptr, rest.c_str(), static_cast<int>(rest.size()), &length);
  std::string path = text == nullptr ? rest : std::string(text, static_cast<std::size_t>(length));
  curl_free(text);
  return path;
}

}  // namespace abide::discovery
