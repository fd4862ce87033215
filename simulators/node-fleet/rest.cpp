#include "simulators/node-fleet/rest.hpp"

#include <curl/curl.h>
#include <optional>
#include <utility>

namespace abide::node_fleet {
namespace {

constexpr long connect_timeout_ms = 5'000;
constexpr long answer_timeout_ms = 30'000;
constexpr std::size_t answer_bytes_max = 16U << 20U;

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > answer_bytes_max) return 0;
  body.append(bytes, size * count);
  return size * count;
}

// One call under way.
struct Running {
  CURL* handle = curl_easy_init();
  std::size_t index = 0;
  std::string url, sent, body;
  Running() = default;
  ~Running() { curl_easy_cleanup(handle); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void prepare(const std::string& server, const Call& call, curl_slist* headers) {
    url = server + call.path;
    sent = call.body;
    body.clear();
    curl_easy_reset(handle);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, answer_timeout_ms);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
    if (!sent.empty()) {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, sent.c_str());
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(sent.size()));
    }
  }
  [[nodiscard]] Answer answer(CURLcode code) {
    if (code != CURLE_OK) return {0, curl_easy_strerror(code)};
    Answer answer;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
    answer.body = std::move(body);
    return answer;
  }
};

}  // namespace

struct Rest::Inside {
  std::string server;
  CURLM* multi = curl_multi_init();
  curl_slist* headers = curl_slist_append(curl_slist_append(nullptr, "Accept: application/json"), "Content-Type: application/json");
  Running single;
  ~Inside() {
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
  }
};

Rest::Rest(std::string server) : inside_(std::make_unique<Inside>()) {
  while (server.ends_with('/')) server.pop_back();
  inside_->server = std::move(server);
}
Rest::~Rest() = default;

std::string Rest::escaped(const std::string& text) {
  char* const made = curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size()));
  std::string copy = made == nullptr ? text : made;
  curl_free(made);
  return copy;
}

Result<std::string> Rest::ask(const Call& call) {
  auto& running = inside_->single;
  running.prepare(inside_->server, call, inside_->headers);
  auto answer = running.answer(curl_easy_perform(running.handle));
  if (answer.good()) return std::move(answer.body);
  const auto doing = call.method + " " + call.path + ": ";
  if (answer.status == 0) return fail(Code::unavailable, "--api " + inside_->server + ": " + answer.body);
  const auto code = answer.status == 404 ? Code::not_found : answer.status == 503 ? Code::timeout : Code::denied;
  return fail(code, doing + std::to_string(answer.status) + " " + answer.body);
}

void Rest::ask_all(std::size_t count, std::size_t at_once, const std::function<Call(std::size_t)>& call,
                   const std::function<void(std::size_t, const Answer&)>& answered) {
  auto* const multi = inside_->multi;
  std::vector<std::unique_ptr<Running>> free, busy;
  std::size_t next = 0;
  std::size_t under_way = 0;
  const auto begin = [&] {
    while (next < count && under_way < at_once) {
      if (free.empty()) free.push_back(std::make_unique<Running>());
      auto running = std::move(free.back());
      free.pop_back();
      running->index = next;
      running->prepare(inside_->server, call(next++), inside_->headers);
      curl_multi_add_handle(multi, running->handle);
      busy.push_back(std::move(running));
      ++under_way;
    }
  };
  begin();
  while (under_way > 0) {
    int open = 0;
    curl_multi_perform(multi, &open);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Running* ended = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ended);
      const auto answer = ended->answer(message->data.result);
      curl_multi_remove_handle(multi, ended->handle);
      for (auto& one : busy) {
        if (one.get() != ended) continue;
        free.push_back(std::move(one));
        std::swap(one, busy.back());
        busy.pop_back();
        break;
      }
      --under_way;
      answered(free.back()->index, answer);
    }
    begin();
    if (under_way > 0) curl_multi_poll(multi, nullptr, 0, 100, nullptr);
  }
}

}  // namespace abide::node_fleet
