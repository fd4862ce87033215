#include "tests/crash/points.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "common/events/codec.hpp"
#include "common/events/print.hpp"

namespace abide::test {
namespace {

constexpr std::array<std::string_view, point_kinds> names = {"persist", "publish", "effect"};
constexpr std::size_t chain_bytes = 8;  // stand before the event in a row of the journal

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "crash points: %s\n", why.c_str());
  std::_Exit(99);
}

// The events that a batch makes durable; of one without any, the kind of its last row.
std::string events_of(const Batch& batch) {
  std::string text;
  std::string other = "nothing";
  for (const auto& change : batch.changes()) {
    const auto kind = change.key.find('/');
    if (kind == std::string::npos || change.key.compare(kind, 3, "/j/") != 0 || !change.value || change.value->size() < chain_bytes) {
      other = change.key;
      continue;
    }
    auto envelope = decode(std::string_view(*change.value).substr(chain_bytes));
    text += (text.empty() ? "" : ",") + std::string(envelope ? name_of(envelope->payload) : "?");
  }
  return text.empty() ? other : text;
}

std::string what_of(const BusMessage& message) {
  auto envelope = decode(message.payload);
  return message.topic.substr(message.topic.rfind('/') + 1) + ":" + std::string(envelope ? name_of(envelope->payload) : "?");
}

class CountedStore final : public Store {
 public:
  CountedStore(std::unique_ptr<Store> store, Points& points) : store_(std::move(store)), points_(points) {}
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override { return store_->get(key); }
  [[nodiscard]] Result<void> scan(std::string_view from, std::string_view to, const Visit& visit) const override {
    return store_->scan(from, to, visit);
  }
  [[nodiscard]] Result<void> commit(const Batch& batch) override {
    if (batch.empty()) return store_->commit(batch);
    return points_.around(PointKind::persist, events_of(batch), [&] { return store_->commit(batch); });
  }
  [[nodiscard]] std::shared_ptr<const Reader> snapshot() const override { return store_->snapshot(); }

 private:
  std::unique_ptr<Store> store_;
  Points& points_;
};

class CountedBus final : public Bus {
 public:
  CountedBus(std::unique_ptr<Bus> bus, Points& points) : bus_(std::move(bus)), points_(points) {}
  [[nodiscard]] Result<void> start(BusHandler handler) override { return bus_->start(std::move(handler)); }
  void stop() override { bus_->stop(); }
  [[nodiscard]] Result<std::uint64_t> publish(BusMessage message) override {
    return points_.around(PointKind::publish, what_of(message), [&] { return bus_->publish(std::move(message)); });
  }

 private:
  std::unique_ptr<Bus> bus_;
  Points& points_;
};

}  // namespace

Points& Points::of_environment() {
  static Points points;
  if (points.counts_ != nullptr) return points;
  const char* folder = std::getenv("ABIDE_CRASH_FOLDER");
  if (folder == nullptr) give_up("ABIDE_CRASH_FOLDER is not set");
  const std::string counts_path = std::string(folder) + "/counts";
  const int file = ::open(counts_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(Counts)) != 0) give_up("cannot write " + counts_path);
  void* memory = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) give_up("cannot map " + counts_path);
  ::close(file);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  points.counts_ = std::launder(static_cast<Counts*>(memory));  // a new file is all zeros
  points.log_ = ::open((std::string(folder) + "/points").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (points.log_ < 0) give_up(std::string("cannot write ") + folder + "/points");

  const char* at = std::getenv("ABIDE_CRASH_AT");
  if (at == nullptr) return points;
  const std::string_view text(at);
  At parsed;
  const auto kind_end = text.find(':');
  const auto number_end = text.rfind(':');
  bool known = false;
  for (std::size_t kind = 0; kind < point_kinds; ++kind) {
    if (text.substr(0, kind_end) != names[kind]) continue;
    parsed.kind = static_cast<PointKind>(kind);
    known = true;
  }
  const auto moment = text.substr(number_end + 1);
  if (!known || kind_end == number_end || (moment != "before" && moment != "after"))
    give_up("ABIDE_CRASH_AT is not KIND:NUMBER|NAME:before|after");
  parsed.name = text.substr(kind_end + 1, number_end - kind_end - 1);
  const char* const end = parsed.name.data() + parsed.name.size();
  if (const auto [stopped, error] = std::from_chars(parsed.name.data(), end, parsed.number); error != std::errc{} || stopped != end)
    parsed.number = 0;
  parsed.before = moment == "before";
  points.at_ = parsed;
  return points;
}

void Points::write_line(PointKind kind, std::uint64_t number, const char* moment, const std::string& what) const {
  const std::string line =
      std::string(names[static_cast<std::size_t>(kind)]) + " " + std::to_string(number) + " " + moment + " " + what + "\n";
  if (::write(log_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) give_up("cannot write the list of points");
}

bool Points::dies(PointKind kind, std::uint64_t number, const std::string& what, bool before) const {
  if (!at_ || at_->kind != kind || at_->before != before) return false;
  return at_->number != 0 ? at_->number == number : ("," + what + ",").find("," + at_->name + ",") != std::string::npos;
}

std::uint64_t Points::before(PointKind kind, const std::string& what) {
  const std::uint64_t number = ++(*counts_)[static_cast<std::size_t>(kind)];
  const bool last = dies(kind, number, what, true);
  write_line(kind, number, last ? "died-before" : "before", what);
  if (last) static_cast<void>(std::raise(SIGKILL));
  return number;
}

void Points::after(PointKind kind, std::uint64_t number, const std::string& what) {
  if (!dies(kind, number, what, false)) return;
  write_line(kind, number, "died-after", what);
  static_cast<void>(std::raise(SIGKILL));
}

std::unique_ptr<Store> with_points(std::unique_ptr<Store> store, Points& points) {
  return std::make_unique<CountedStore>(std::move(store), points);
}

std::unique_ptr<Bus> with_points(std::unique_ptr<Bus> bus, Points& points) {
  return std::make_unique<CountedBus>(std::move(bus), points);
}

}  // namespace abide::test
