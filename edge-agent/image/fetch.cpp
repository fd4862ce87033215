#include "edge-agent/image/fetch.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <curl/curl.h>
#include <fmt/format.h>

namespace abide::agent {
namespace {

constexpr long redirects_max = 5;
constexpr int poll_ms = 100;  // how often the sink is asked to look at its clock
constexpr long curl_buffer_bytes = 256 * 1024;
constexpr int receive_buffer_bytes = 512 * 1024;  // under way when the agent is killed; the sender keeps some, too
constexpr std::size_t header_bytes_max = 512;     // of a validator

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

using Clock = std::chrono::steady_clock;

// One answer of a server (the last one, after redirects): head first, then bytes into the sink.
struct Answer {
  FetchRequest request;
  FetchSink* sink = nullptr;
  CURL* easy = nullptr;

  std::string etag, last_modified, content_range;
  std::optional<std::uint64_t> content_length;
  bool head_given = false;
  bool sink_stopped = false;
  bool nonsense = false;
  std::uint64_t got = 0;
  Clock::duration in_sink{0};  // the disk's time, not the network's
  std::string why;

  void begin_headers() {
    etag.clear();
    last_modified.clear();
    content_range.clear();
    content_length.reset();
  }

  void take_header(std::string_view line) {
    if (line.substr(0, 5) == "HTTP/") return begin_headers();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (value.size() > header_bytes_max) return;
    if (name == "etag") etag = value;
    if (name == "last-modified") last_modified = value;
    if (name == "content-range") content_range = value;
    if (name == "content-length") content_length = number(value);
  }

  // A weak ETag does not promise equal bytes, so it cannot be resumed with.
  [[nodiscard]] std::string validator() const { return !etag.empty() && etag.substr(0, 2) != "W/" ? etag : last_modified; }

  [[nodiscard]] long status() const {
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  // "bytes 100-199/200" with the first byte that was asked for.
  [[nodiscard]] bool take_range(FetchHead& head) {
    std::string_view text = content_range;
    if (lower(text.substr(0, 6)) != "bytes ") return false;
    text.remove_prefix(6);
    const std::size_t dash = text.find('-');
    const std::size_t slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return false;
    const std::optional<std::uint64_t> first = number(trimmed(text.substr(0, dash)));
    if (!first || *first != request.from) return false;
    head.from = *first;
    head.total = number(trimmed(text.substr(slash + 1)));
    return true;
  }

  [[nodiscard]] bool give_head() {
    FetchHead head;
    head.validator = validator();
    const long code = status();
    if (code == 206) {
      if (!take_range(head)) {
        nonsense = true;
        why = fmt::format("answers with the range \"{}\" when asked for byte {} on", content_range, request.from);
        return false;
      }
    } else {
      head.total = content_length;
    }
    head_given = true;
    if (sink->head(head)) return true;
    sink_stopped = true;
    return false;
  }

  // False: curl ends the transfer with CURLE_WRITE_ERROR. The body of an error is not read.
  [[nodiscard]] bool take_bytes(std::span<const std::byte> bytes) {
    const long code = status();
    if (code != 200 && code != 206) return false;
    if (!head_given && !give_head()) return false;
    got += bytes.size();
    const Clock::time_point begin = Clock::now();
    sink_stopped = !sink->bytes(bytes);
    in_sink += Clock::now() - begin;
    return !sink_stopped;
  }
};

// Notices a connection that is too slow, window by window. libcurl's own limit has whole seconds, and an average that
// takes five of them to fall.
class SpeedWatch {
 public:
  explicit SpeedWatch(const FetchLimits& limits) : limits_(limits) {}

  [[nodiscard]] bool too_slow(const Answer& answer) {
    const std::int64_t passed_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin_ - answer.in_sink + in_sink_).count();
    if (passed_ms < limits_.low_speed_ms) return false;
    const std::uint64_t wanted = static_cast<std::uint64_t>(limits_.low_speed_bytes_per_second * passed_ms) / 1000;
    const bool slow = answer.got - got_ < std::max<std::uint64_t>(1, wanted);
    begin_ = Clock::now();
    got_ = answer.got;
    in_sink_ = answer.in_sink;
    return slow;
  }

 private:
  const FetchLimits& limits_;
  Clock::time_point begin_ = Clock::now();
  std::uint64_t got_ = 0;
  Clock::duration in_sink_{0};
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* answer) {
  static_cast<Answer*>(answer)->take_header({data, size * count});
  return size * count;
}
std::size_t on_bytes(char* data, std::size_t size, std::size_t count, void* answer) {
  const std::span<const char> bytes(data, size * count);
  return static_cast<Answer*>(answer)->take_bytes(std::as_bytes(bytes)) ? bytes.size() : 0;
}
int on_socket(void*, curl_socket_t socket, curlsocktype) {
  static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes));
  return CURL_SOCKOPT_OK;
}

bool is_loopback(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return false;
  std::string_view host = std::string_view(url).substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  return host.substr(0, 4) == "127." || host.substr(0, 5) == "[::1]" || host == "localhost" || host.substr(0, 10) == "localhost:";
}

FetchEnd end_of_status(long status) {
  if (status == 401 || status == 403) return FetchEnd::refused;
  if (status == 416) return FetchEnd::changed;
  if (status == 408 || status == 429 || status >= 500) return FetchEnd::busy;
  return FetchEnd::missing;
}

}  // namespace

std::string shown_url(const std::string& url) {
  std::string text = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = text.find("://");
  if (scheme != std::string::npos) {
    const std::size_t slash = std::min(text.find('/', scheme + 3), text.size());
    const std::size_t at = text.rfind('@', slash);
    if (at != std::string::npos && at > scheme) text.erase(scheme + 3, at - scheme - 2);
  }
  return text;
}

struct Fetcher::Curl {
  CURLM* multi = nullptr;
  CURL* easy = nullptr;

  Curl() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(started);
    multi = curl_multi_init();
    easy = curl_easy_init();
  }
  ~Curl() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  void prepare(const FetchLimits& limits, Answer& answer) {
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, answer.request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, redirects_max);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, curl_buffer_bytes);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect_timeout_ms));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, limits.user_agent.c_str());
    if (!limits.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, limits.ca_file.c_str());
    // A proxy from the environment is for the world outside; this machine is reached without it.
    if (is_loopback(answer.request.url)) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &answer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  }
};

Fetcher::Fetcher(FetchLimits limits) : limits_(std::move(limits)), curl_(std::make_unique<Curl>()) {}
Fetcher::~Fetcher() = default;

void Fetcher::cancel() {
  cancelled_ = true;
  if (curl_->multi != nullptr) curl_multi_wakeup(curl_->multi);
}

FetchResult Fetcher::fetch(const FetchRequest& request, FetchSink& sink) {
  if (curl_->multi == nullptr || curl_->easy == nullptr) return {FetchEnd::cut, "libcurl cannot be started"};
  Answer answer;
  answer.request = request;
  answer.sink = &sink;
  answer.easy = curl_->easy;
  curl_->prepare(limits_, answer);
  curl_slist* headers = nullptr;
  if (request.from > 0) {
    headers = curl_slist_append(headers, fmt::format("Range: bytes={}-", request.from).c_str());
    if (!request.validator.empty()) headers = curl_slist_append(headers, fmt::format("If-Range: {}", request.validator).c_str());
    curl_easy_setopt(curl_->easy, CURLOPT_HTTPHEADER, headers);
  }

  curl_multi_add_handle(curl_->multi, curl_->easy);
  CURLcode code = CURLE_OK;
  bool ended = false;
  SpeedWatch speed(limits_);
  while (!ended && !cancelled_) {
    int running = 0;
    if (curl_multi_perform(curl_->multi, &running) != CURLM_OK) {
      code = CURLE_FAILED_INIT;
      break;
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(curl_->multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      code = message->data.result;
      ended = true;
    }
    sink.idle();
    if (!ended && speed.too_slow(answer)) {
      code = CURLE_OPERATION_TIMEDOUT;
      break;
    }
    if (!ended && !cancelled_) curl_multi_poll(curl_->multi, nullptr, 0, poll_ms, nullptr);
  }
  const long status = answer.status();
  curl_multi_remove_handle(curl_->multi, curl_->easy);
  curl_slist_free_all(headers);

  const std::string url = shown_url(request.url);
  if (cancelled_) return {FetchEnd::cancelled, "stopped"};
  if (answer.sink_stopped) return {FetchEnd::sink, {}};
  if (answer.nonsense) return {FetchEnd::missing, fmt::format("{} {}", url, answer.why)};
  if (status >= 400 || (code == CURLE_OK && status != 200 && status != 206))
    return {end_of_status(status), fmt::format("{} answers {}", url, status)};
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
    return {FetchEnd::missing, fmt::format("{}: {}", url, curl_easy_strerror(code))};
  }
  if (code != CURLE_OK) return {FetchEnd::cut, fmt::format("{}: {} after {} bytes", url, curl_easy_strerror(code), answer.got)};
  // An empty file has a head, too.
  if (!answer.head_given && !answer.give_head()) {
    return answer.nonsense ? FetchResult{FetchEnd::missing, fmt::format("{} {}", url, answer.why)} : FetchResult{FetchEnd::sink, {}};
  }
  return {FetchEnd::complete, {}};
}

}  // namespace abide::agent
