#include "orchestrator/discovery/worker.hpp"

#include <algorithm>
#include <chrono>

namespace abide::discovery {

namespace {

bool same(const Read& left, const Read& right) {
  const auto same_found = [](const auto& a, const auto& b) { return a.source == b.source && a.resource == b.resource; };
  const auto same_failure = [](const auto& a, const auto& b) { return a.source == b.source && a.error == b.error; };
  const auto& a = left.profiles;
  const auto& b = right.profiles;
  return std::equal(a.found.begin(), a.found.end(), b.found.begin(), b.found.end(), same_found) &&
         std::equal(a.failures.begin(), a.failures.end(), b.failures.begin(), b.failures.end(), same_failure) && a.lists == b.lists &&
         a.reach.untold == b.reach.untold && a.reach.whole == b.reach.whole && a.reach.unread == b.reach.unread &&
         a.reach.complete == b.reach.complete;
}

// Each once, whoever has it.
std::size_t releases_in(const Read& read) {
  std::set<ReleaseKey> releases;
  for (const auto& one : read.profiles.found) releases.emplace(one.resource.profile_name, one.resource.image_id);
  return releases.size();
}

}  // namespace

Result<std::vector<Worker::Service>> Worker::open(const std::vector<std::string>& releases, const SourceSettings& settings) {
  if (releases.empty()) return fail(Code::invalid_input, "releases: neither a directory nor a URL is given");
  if (releases.size() > sources_max) return fail(Code::invalid_input, "releases: more than " + std::to_string(sources_max));
  std::vector<Service> services;
  for (const auto& release : releases) {
    SourceSettings own = settings;
    own.releases = release;
    own.seed = settings.seed + services.size();
    auto source = Source::open(own);
    if (!source) return fail(source.error());
    for (const auto& other : services) {
      if (other.source->name() == (*source)->name()) return fail(Code::invalid_input, "releases: " + release + " is given twice");
    }
    auto lists = std::make_unique<Lists>(own, (*source)->files_root(), (*source)->poll_ms());
    services.push_back({*std::move(source), std::move(lists)});
  }
  return services;
}

Worker::Worker(std::vector<Service> services, Random random, Deliver deliver) : deliver_(std::move(deliver)) {
  for (auto& service : services) {
    name_ += (name_.empty() ? "" : ", ") + service.source->name();
    auto reader = std::make_unique<Reader>();
    reader->service = std::move(service);
    reader->random = Random{random.next()};
    readers_.push_back(std::move(reader));
  }
}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  started_mono_ms_ = system_now().mono_ms;
  for (auto& reader : readers_) reader->thread = std::thread([this, at = reader.get()] { run(*at); });
}

void Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  for (auto& reader : readers_) {
    reader->service.source->cancel();
    if (reader->service.lists) reader->service.lists->cancel();
  }
  for (auto& reader : readers_) {
    if (reader->thread.joinable()) reader->thread.join();
  }
}

bool Worker::refresh(Refreshed done) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || asked_.size() >= refreshes_waiting_max) return false;
  asked_.push_back({++tickets_, std::move(done)});
  wake_.notify_all();
  return true;
}

PassSummary Worker::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void Worker::run(Reader& reader) {
  while (true) {
    bool everything = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      everything = reader.ended_ticket != tickets_;
      reader.begun_ticket = tickets_;
    }
    const std::int64_t poll_ms = reader.service.source->poll_ms();
    reader.pause_ms = poll_ms + static_cast<std::int64_t>(reader.random.below(static_cast<std::uint64_t>(poll_ms / 10 + 1)));
    read_once(reader, everything);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(reader.pause_ms), [&] { return stopping_ || reader.ended_ticket != tickets_; });
  }
}

// The profiles are told before their lists are read: a file server that is slow must not hold up a release.
void Worker::read_once(Reader& reader, bool everything) {
  Read read = reader.service.source->read(everything);
  Lists* lists = reader.service.lists.get();
  if (lists == nullptr) return publish(reader, std::move(read), true);
  Read first = read;
  lists->add_known(first);
  publish(reader, std::move(first), false);
  lists->refresh(read, everything);
  lists->add_known(read);
  publish(reader, std::move(read), true);
}

void Worker::publish(Reader& reader, Read read, bool ended) {
  const std::lock_guard one_at_a_time(deliver_mutex_);
  const auto now = system_now();
  std::vector<Refreshed> done;
  Pass pass;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    reader.latest = std::make_shared<const Read>(std::move(read));
    if (ended) {
      reader.ended_ticket = reader.begun_ticket;
      reader.read_at_wall_ms = now.wall_ms;
    }
    note_pass(reader, now.wall_ms, ended);
    const bool all_read = std::all_of(readers_.begin(), readers_.end(), [](const auto& any) { return any->latest != nullptr; });
    if (!all_read && now.mono_ms - started_mono_ms_ < first_delivery_ms_max) return;
    ledger_.begin(now, true);
    pass = std::make_shared<const Read>(merged());
    last_ = {now.wall_ms, releases_in(*pass), pass->profiles.failures, pass->rows, service_rows()};
    std::uint64_t ended_by_all = tickets_;
    for (const auto& any : readers_) {
      last_.read_at_wall_ms = std::min(last_.read_at_wall_ms, any->read_at_wall_ms);
      ended_by_all = std::min(ended_by_all, any->ended_ticket);
    }
    std::erase_if(asked_, [&](Asked& asked) {
      if (asked.ticket > ended_by_all) return false;
      done.push_back(std::move(asked.done));
      return true;
    });
  }
  if (done.empty() && delivered_ && same(*delivered_, *pass)) return;
  delivered_ = pass;
  deliver_(std::move(pass), std::move(done));
}

void Worker::note_pass(Reader& reader, std::int64_t at_wall_ms, bool ended) {
  ServiceRow& row = reader.row;
  row.found = releases_in(*reader.latest);
  if (!ended) return;
  row.tried_at_wall_ms = at_wall_ms;
  row.next_at_wall_ms = at_wall_ms + reader.pause_ms;
  row.error.clear();
  for (const auto& failure : reader.latest->rows) {
    if (failure.source == reader.service.source->name()) row.error = failure.error;
  }
  if (!row.error.empty() || !reader.latest->complete) {
    row.good_since_wall_ms = 0;
    return;
  }
  row.good_at_wall_ms = at_wall_ms;
  if (row.good_since_wall_ms == 0) row.good_since_wall_ms = at_wall_ms;
}

std::vector<ServiceRow> Worker::service_rows() const {
  std::vector<ServiceRow> rows;
  for (const auto& reader : readers_) {
    rows.push_back(reader->row);
    rows.back().name = reader->service.source->name();
  }
  return rows;
}

// A service that was not read yet is as one that was not read whole.
Read Worker::merged() {
  Read all;
  auto& reach = all.profiles.reach;
  std::set<std::string> services;
  std::map<std::string, std::size_t> missing;  // profiles, and how many services have nothing of them
  for (const auto& reader : readers_) {
    services.insert(reader->service.source->name());
    if (!reader->latest) {
      reach.unread.push_back(reader->service.source->name());
      reach.unread.push_back(reader->service.source->files_root());
      reach.complete = all.complete = false;
      continue;
    }
    const Read& one = *reader->latest;
    const auto append = [](auto& to, const auto& more) { to.insert(to.end(), more.begin(), more.end()); };
    append(all.profiles.found, one.profiles.found);
    all.profiles.lists.insert(one.profiles.lists.begin(), one.profiles.lists.end());  // the first that has them
    append(all.rows, one.rows);
    append(reach.fine, one.profiles.reach.fine);
    append(reach.whole, one.profiles.reach.whole);
    append(reach.unread, one.profiles.reach.unread);
    reach.complete = reach.complete && one.profiles.reach.complete;
    all.complete = all.complete && one.complete;
    for (const auto& profile : one.missing) ++missing[profile];
  }
  append_missing(all, missing);
  // A service as a whole is fine where it was read and nothing is said against it.
  reach.fine.insert(reach.fine.end(), reach.whole.begin(), reach.whole.end());
  all.rows = cut(std::move(all.rows), services, reach.untold);
  all.profiles.failures = failures_of(all.rows);
  return all;
}

void Worker::append_missing(Read& all, const std::map<std::string, std::size_t>& missing) {
  for (const auto& [profile, count] : missing) {
    if (count == readers_.size())
      ledger_.refused(readers_.front()->service.source->name() + "#" + profile,
                      "enabled-profiles names it, and no profile that can be used has this name");
  }
  auto rows = ledger_.finish(all.complete);
  all.rows.insert(all.rows.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

}  // namespace abide::discovery
