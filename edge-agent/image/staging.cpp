#include "edge-agent/image/staging.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "common/release/manifest.hpp"
#include "common/store/durable_file.hpp"

namespace abide::agent {
namespace {

constexpr std::uint32_t restarts_max = 16;  // downloads begun from the first byte again
constexpr std::uint64_t flush_bytes_min = 1u << 20;
constexpr std::uint64_t flushes_an_image = 32;  // so that a crash costs a few hundredths of the image
constexpr std::uint32_t doublings_max = 20;

std::int64_t ms_between(std::chrono::steady_clock::time_point begin, std::chrono::steady_clock::time_point end) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(end - begin).count();
}

}  // namespace

Staging::Staging(const StageOrder& order, BootControl& boot, const StagerSettings& settings, Random& random, Fetcher& fetcher,
                 StopSignal& stop, Stager::OnProgress on_progress)
    : order_(order),
      boot_(boot),
      settings_(settings),
      random_(random),
      fetcher_(fetcher),
      stop_(stop),
      on_progress_(std::move(on_progress)),
      gained_at_(Clock::now()) {
  if (order_.release.raw.size != 0) size_ = order_.release.raw.size;
}

std::optional<node::StagingEnded> Staging::run() {
  const Clock::time_point begin = Clock::now();
  node::StagingEnded ended;
  ended.offer = order_.offer;
  ended.boot = order_.boot;
  ended.slot = order_.slot;
  bool there_already = false;
  MaybeFailure failure = check_order();
  if (!failure) failure = prepare(there_already);
  if (!failure && !there_already && !stop_.stopped()) failure = download();
  if (!failure && !stop_.stopped()) failure = finish(there_already);
  if (stop_.stopped()) return std::nullopt;
  ended.took_ms = ms_between(begin, Clock::now());
  if (failure) {
    ended.failure = failure->reason;
    ended.evidence.attempts = attempts_;
    ended.evidence.detail = failure->detail.substr(0, detail_bytes_max);
    return ended;
  }
  ended.digest = order_.release.raw.sha256;
  ended.bytes = *size_;
  ended.reused = there_already;
  return ended;
}

MaybeFailure Staging::check_order() const {
  const Release& release = order_.release;
  if (release.urls.empty()) return StageFailure{Reason::download, "the release has no URL"};
  if (!release.raw.sha256) return StageFailure{Reason::unsupported_image, "the release does not tell the digest of the raw image"};
  const auto compressed = std::find_if(release.urls.begin(), release.urls.end(), is_compressed_image);
  if (compressed != release.urls.end()) {
    return StageFailure{Reason::unsupported_image, fmt::format("{} is compressed", shown_url(*compressed))};
  }
  if (release.raw.sha256 != release.artifact.sha256 || release.raw.size != release.artifact.size) {
    return StageFailure{Reason::unsupported_image, "the file at the URL is not the raw image"};
  }
  return {};
}

MaybeFailure Staging::ask_boot(std::string_view doing, const std::function<Result<void>()>& call) {
  for (std::uint32_t attempt = 1;; ++attempt) {
    const Result<void> answer = call();
    if (answer || stop_.stopped()) return {};
    const bool again = answer.error().code == Code::unavailable || answer.error().code == Code::timeout;
    if (!again || attempt >= settings_.boot_attempts_max) {
      return StageFailure{Reason::boot_loader, fmt::format("{}: {}", doing, answer.error().message)};
    }
    back_off();
  }
}

// The fence before the first write: whatever was ordered, the slot that runs and the one that will are not touched.
MaybeFailure Staging::check_slot() {
  BootState state;
  MaybeFailure failure = ask_boot("read the boot state", [&]() -> Result<void> {
    Result<BootState> read = boot_.read();
    if (!read) return fail(read.error());
    state = *std::move(read);
    return {};
  });
  if (failure || stop_.stopped()) return failure;
  const auto refuse = [&](std::string_view why) {
    return StageFailure{Reason::write_failed, fmt::format("slot {} {}: it is not written", to_string(order_.slot), why)};
  };
  if (state.running == order_.slot) return refuse("is the running one");
  if (state.default_slot == order_.slot) return refuse("is the default");
  if (state.one_shot == order_.slot) return refuse("is armed for the next boot");
  return {};
}

MaybeFailure Staging::prepare(bool& there_already) {
  MaybeFailure failure = ask_boot("clear the came-up mark", [&] { return boot_.clear_came_up(); });
  if (!failure) failure = check_slot();
  if (!failure && !stop_.stopped()) failure = writer_.open(boot_.path_of(order_.slot));
  if (failure || stop_.stopped()) return failure;
  if (size_ && *size_ > writer_.slot_bytes()) {
    return StageFailure{Reason::too_large,
                        fmt::format("the image has {} bytes, slot {} has {}", *size_, to_string(order_.slot), writer_.slot_bytes())};
  }
  const std::optional<StagingNote> note = read_note(settings_.work_folder);
  const bool ours =
      note && note->artifact == order_.release.artifact.sha256 && note->slot == order_.slot && (!size_ || note->flushed <= *size_);
  if (ours && note->flushed > 0 && writer_.resume(note->flushed)) {
    url_ = note->url;
    validator_ = note->validator;
    farthest_ = writer_.position();
    return {};
  }
  if (!size_) return {};
  // An agent that was killed may have left all of it here, and none of it flushed.
  if (failure = writer_.flush(); failure) return failure;
  const Result<Digest> digest = digest_of_slot(boot_.path_of(order_.slot), *size_, &stop_.flag());
  there_already = digest && *digest == order_.release.raw.sha256;
  return {};
}

MaybeFailure Staging::download() {
  const std::vector<std::string>& urls = order_.release.urls;
  const auto known = std::find(urls.begin(), urls.end(), url_);
  std::size_t first = known == urls.end() ? 0 : static_cast<std::size_t>(known - urls.begin());
  while (!stop_.stopped()) {
    Round round;
    for (std::size_t step = 0; step < urls.size() && !round.gained && !all_there() && !stop_.stopped(); ++step) {
      const std::size_t index = (first + step) % urls.size();
      if (MaybeFailure failure = try_url(index, round)) return failure;
      if (round.gained) first = index;  // it is resumed where it was cut
    }
    if (stop_.stopped()) break;
    if (all_there()) {
      const Digest digest = writer_.digest();
      if (digest == order_.release.raw.sha256) return {};
      std::string detail =
          fmt::format("{} has digest {}, the release says {}", shown_url(url_), to_hex(digest), to_hex(order_.release.raw.sha256));
      if (MaybeFailure failure = wrong_content(std::move(detail))) return failure;
      begin_anew();
      first = (first + 1) % urls.size();
      continue;
    }
    if (MaybeFailure failure = after_round(round)) return failure;
  }
  return {};
}

MaybeFailure Staging::try_url(std::size_t index, Round& round) {
  FetchRequest request;
  request.url = order_.release.urls[index];
  request.from = writer_.position();
  if (request.url == url_) request.validator = validator_;
  asked_url_ = request.url;
  asked_validator_ = request.validator;
  sink_failure_.reset();
  sink_wrong_.clear();
  head_taken_ = false;
  const std::uint64_t farthest_before = farthest_;
  attempts_ += 1;
  const FetchResult result = fetcher_.fetch(request, *this);
  round.gained = farthest_ > farthest_before;
  if (stop_.stopped()) return {};
  if (!result.detail.empty()) last_problem_ = result.detail;
  if (MaybeFailure failure = flush_and_note()) return failure;
  const std::uint64_t ended_at = writer_.position();
  switch (result.end) {
    case FetchEnd::complete:
      if (!size_) size_ = writer_.position();
      if (all_there() || total_told_) return {};  // a part of the range that was asked for: the rest is asked for next
      begin_anew();
      return wrong_content(fmt::format("{} ends after {} bytes, the release says {}", shown_url(request.url), ended_at, *size_));
    case FetchEnd::sink:
      if (sink_failure_) return sink_failure_;
      if (!sink_wrong_.empty()) {
        round.missing += 1;
        if (head_taken_) begin_anew();
        return wrong_content(sink_wrong_);
      }
      begin_anew();
      return {};
    case FetchEnd::changed:
      begin_anew();
      return {};
    case FetchEnd::refused:
      round.refused += 1;
      return {};
    case FetchEnd::missing:
      round.missing += 1;
      return {};
    case FetchEnd::cut:
    case FetchEnd::busy:
    case FetchEnd::cancelled:
      return {};
  }
  return {};
}

// Nothing: wait, and try again.
MaybeFailure Staging::after_round(const Round& round) {
  const std::size_t urls = order_.release.urls.size();
  if (restarts_ > restarts_max) {
    return StageFailure{Reason::download, fmt::format("begun from the first byte {} times; last: {}", restarts_, last_problem_)};
  }
  if (!round.gained && round.refused == urls) return StageFailure{Reason::refused_by_release_service, last_problem_};
  missing_rounds_ = !round.gained && round.refused + round.missing == urls ? missing_rounds_ + 1 : 0;
  if (missing_rounds_ >= settings_.missing_rounds_max) return StageFailure{Reason::download, last_problem_};
  if (ms_between(gained_at_, Clock::now()) >= settings_.quiet_ms_max) {
    return StageFailure{Reason::download, fmt::format("nothing came for {} s; last: {}", settings_.quiet_ms_max / 1000, last_problem_)};
  }
  if (round.gained) doublings_ = 0;
  back_off();
  return {};
}

// A file that is not the image: every URL gets its chance, and a lone one two. Nothing: try again.
MaybeFailure Staging::wrong_content(std::string detail) {
  wrong_contents_ += 1;
  if (wrong_contents_ >= std::max<std::size_t>(2, order_.release.urls.size())) return StageFailure{Reason::wrong_digest, std::move(detail)};
  last_problem_ = std::move(detail);
  return {};
}

MaybeFailure Staging::finish(bool there_already) {
  if (!there_already) {  // else it was read from the disk a moment ago
    if (MaybeFailure failure = writer_.flush()) return failure;
    if (MaybeFailure failure = read_back(); failure || stop_.stopped()) return failure;
  }
  if (MaybeFailure failure = ask_boot("clear the slot's bad mark", [&] { return boot_.clear_bad(order_.slot); })) return failure;
  remove_note(settings_.work_folder);
  return {};
}

MaybeFailure Staging::read_back() {
  const Result<Digest> digest = digest_of_slot(boot_.path_of(order_.slot), *size_, &stop_.flag());
  if (stop_.stopped()) return {};
  if (!digest) return StageFailure{Reason::read_back_failed, digest.error().message};
  if (*digest != order_.release.raw.sha256) {
    return StageFailure{Reason::read_back_failed, fmt::format("slot {} reads back as {}, {} was written", to_string(order_.slot),
                                                              to_hex(*digest), to_hex(order_.release.raw.sha256))};
  }
  return {};
}

void Staging::begin_anew() {
  if (writer_.position() > 0) restarts_ += 1;
  writer_.restart();
  validator_.clear();
  url_.clear();
  remove_note(settings_.work_folder);
  if (order_.release.raw.size == 0) size_.reset();
}

std::uint64_t Staging::flush_every() const {
  if (!size_) return settings_.flush_bytes_max;
  return std::min(settings_.flush_bytes_max, std::max(flush_bytes_min, *size_ / flushes_an_image));
}

MaybeFailure Staging::flush_and_note() {
  if (writer_.position() == writer_.flushed()) return {};
  if (MaybeFailure failure = writer_.flush()) return failure;
  // Without the note a restart of the agent begins anew: slower, not wrong. So a folder that is full ends nothing.
  static_cast<void>(write_note(settings_.work_folder, {order_.release.artifact.sha256, order_.slot, writer_.flushed(), url_, validator_}));
  return {};
}

void Staging::back_off() {
  const std::uint32_t doublings = std::min(doublings_, doublings_max);
  const std::int64_t limit = std::min(settings_.backoff_max_ms, settings_.backoff_first_ms << doublings);
  doublings_ += 1;
  const std::uint64_t wait = random_.below(static_cast<std::uint64_t>(std::max<std::int64_t>(1, limit)) + 1);
  stop_.wait_for(std::chrono::milliseconds(wait));
}

void Staging::report() {
  const Clock::time_point now = Clock::now();
  if (stop_.stopped() || (reported_at_ && ms_between(*reported_at_, now) < settings_.progress_every_ms)) return;
  Progress progress;
  progress.offer = order_.offer;
  progress.phase = Phase::staging;
  progress.bytes_done = writer_.position();
  progress.bytes_total = size_.value_or(0);
  if (size_.value_or(0) > 0) progress.percent = static_cast<std::uint32_t>(progress.bytes_done * 100 / *size_);
  const std::int64_t passed_ms = reported_at_ ? ms_between(*reported_at_, now) : 0;
  if (passed_ms > 0 && progress.bytes_done > reported_position_) {
    progress.bytes_per_second = (progress.bytes_done - reported_position_) * 1000 / static_cast<std::uint64_t>(passed_ms);
  }
  reported_at_ = now;
  reported_position_ = progress.bytes_done;
  on_progress_(progress);
}

bool Staging::head(const FetchHead& head) {
  if (stop_.stopped()) return false;
  if (head.total && size_ && *head.total != *size_) {
    sink_wrong_ = fmt::format("{} has {} bytes, the release says {}", shown_url(asked_url_), *head.total, *size_);
    return false;
  }
  if (head.total && *head.total > writer_.slot_bytes()) {
    sink_failure_ = StageFailure{Reason::too_large, fmt::format("the image has {} bytes, slot {} has {}", *head.total,
                                                                to_string(order_.slot), writer_.slot_bytes())};
    return false;
  }
  if (head.from > 0 && !asked_validator_.empty() && head.validator != asked_validator_) {
    return false;  // another file, from a server that ignores If-Range: begun anew
  }
  sink_failure_ = check_slot();
  if (sink_failure_ || stop_.stopped()) return false;
  if (head.from == 0) begin_anew();
  if (head.total) size_ = head.total;
  total_told_ = head.total.has_value();
  head_taken_ = true;
  url_ = asked_url_;
  validator_ = head.validator;
  return true;
}

bool Staging::bytes(std::span<const std::byte> bytes) {
  if (stop_.stopped()) return false;
  const std::uint64_t end = writer_.position() + bytes.size();
  if (size_ && end > *size_) {
    sink_wrong_ = fmt::format("{} is longer than the {} bytes that the release says", shown_url(asked_url_), *size_);
    return false;
  }
  if (end > writer_.slot_bytes()) {
    sink_failure_ = StageFailure{
        Reason::too_large, fmt::format("the image is larger than the {} bytes of slot {}", writer_.slot_bytes(), to_string(order_.slot))};
    return false;
  }
  sink_failure_ = writer_.append(bytes);
  if (!sink_failure_ && writer_.position() - writer_.flushed() >= flush_every()) sink_failure_ = flush_and_note();
  if (sink_failure_) return false;
  if (writer_.position() > farthest_) {
    farthest_ = writer_.position();
    gained_at_ = Clock::now();
  }
  report();
  return true;
}

}  // namespace abide::agent
