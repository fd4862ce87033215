#include <atomic>
#include <curl/curl.h>
#include <mutex>

#include "orchestrator/discovery/source.hpp"

namespace abide::discovery {

namespace {

constexpr long redirects_max = 3;
constexpr std::size_t header_bytes_max = 1024;

struct Transfer {
  std::size_t bytes_max = 0;
  bool too_large = false;
  Fetched fetched;
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  const std::size_t length = size * count;
  if (transfer->fetched.body.size() + length > transfer->bytes_max) {
    transfer->too_large = true;
    return 0;
  }
  transfer->fetched.body.append(bytes, length);
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
  if (starts_with_ignoring_case(line, "http/")) transfer->fetched = {};  // a redirect's headers are not the answer's
  if (starts_with_ignoring_case(line, "etag:")) transfer->fetched.etag = value("etag:");
  if (starts_with_ignoring_case(line, "last-modified:")) transfer->fetched.last_modified = value("last-modified:");
  return line.size();
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<std::atomic<bool>*>(context)->load() ? 1 : 0;
}

Code code_of(long status) {
  if (status == 404 || status == 410) return Code::not_found;
  if (status == 401 || status == 403) return Code::denied;
  if (status == 408 || status == 429 || status >= 500) return Code::unavailable;
  return Code::invalid_input;
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

Result<Fetched> Http::get(const std::string& url, std::size_t bytes_max, const std::string& etag, const std::string& last_modified) {
  CURL* curl = handle_->curl;
  if (curl == nullptr) return fail(Code::unavailable, "libcurl gave no handle");
  curl_easy_reset(curl);  // keeps the connections
  Transfer transfer;
  transfer.bytes_max = bytes_max;
  char reason[CURL_ERROR_SIZE] = "";
  curl_slist* headers = nullptr;
  if (!etag.empty()) headers = curl_slist_append(headers, ("If-None-Match: " + etag).c_str());
  if (!last_modified.empty()) headers = curl_slist_append(headers, ("If-Modified-Since: " + last_modified).c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, redirects_max);
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
  if (transfer.too_large) return fail(Code::invalid_input, url + ": larger than " + std::to_string(bytes_max) + " bytes");
  if (code != CURLE_OK) {
    const std::string why = reason[0] != '\0' ? reason : curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) return fail(Code::timeout, url + ": " + why);
    return fail(code == CURLE_URL_MALFORMAT ? Code::invalid_input : Code::unavailable, url + ": " + why);
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 304) {
    transfer.fetched.not_modified = true;
    transfer.fetched.body.clear();
    return std::move(transfer.fetched);
  }
  if (status != 200) return fail(code_of(status), url + ": HTTP status " + std::to_string(status));
  return std::move(transfer.fetched);
}

}  // namespace abide::discovery
