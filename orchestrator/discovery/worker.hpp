#pragma once
// Threads that look at the release services again and again, and at once when asked: one a service, so that a slow one never
// holds up the others. What they find is delivered together.
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/core/random.hpp"
#include "orchestrator/discovery/lists.hpp"
#include "orchestrator/discovery/source.hpp"

namespace abide::discovery {

inline constexpr std::size_t refreshes_waiting_max = 256;
inline constexpr std::size_t sources_max = 16;
// The first delivery waits for the slowest service, but no longer than this: a restart would else tell for a while that
// everything of a service that was not read yet had vanished.
inline constexpr std::int64_t first_delivery_ms_max = 30'000;

// One service as a whole.
struct ServiceRow {
  std::string name;
  std::string error;                    // of the last pass, where it could not be read as a whole
  std::size_t found = 0;                // releases
  std::int64_t tried_at_wall_ms = 0;    // the end of the last pass; 0: none has ended, as with the rest
  std::int64_t good_at_wall_ms = 0;     // of the last that could read it as a whole
  std::int64_t good_since_wall_ms = 0;  // of the first of those in a row
  std::int64_t next_at_wall_ms = 0;
};

struct PassSummary {
  std::int64_t read_at_wall_ms = 0;  // of the service that was read the longest ago; 0: one was never read
  std::size_t found = 0;
  std::vector<fleet::ProfilesRead::Failure> failures;
  std::vector<FailureRow> rows;  // the same with times
  std::vector<ServiceRow> services;
};

class Worker {
 public:
  using Pass = std::shared_ptr<const Read>;
  // Called on a worker's thread after each pass that differs from the one before, and after each that was asked for (then
  // with what was given to refresh). Must take the pass over and return at once. Never two calls at a time.
  using Refreshed = std::function<void()>;
  using Deliver = std::function<void(Pass pass, std::vector<Refreshed> asked_for)>;

  struct Service {
    std::unique_ptr<Source> source;
    std::unique_ptr<Lists> lists;  // may be none
  };
  // invalid_input, denied: settings, by name. One service for each of `releases`, with the other settings for all of them.
  static Result<std::vector<Service>> open(const std::vector<std::string>& releases, const SourceSettings& settings);

  Worker(std::vector<Service> services, Random random, Deliver deliver);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();  // the first passes begin at once
  void stop();   // ends running passes; the threads are joined when this returns
  // A pass over every service that begins after this call, and leaves out nothing; `done` travels with it. False: too many
  // wait already, or stopped. Any thread.
  bool refresh(Refreshed done);
  [[nodiscard]] PassSummary last() const;
  [[nodiscard]] const std::string& source_name() const { return name_; }  // several: with ", " between

 private:
  struct Reader {
    Service service;
    Random random;
    std::thread thread;
    Pass latest;  // nothing: none has ended
    std::int64_t read_at_wall_ms = 0;
    ServiceRow row;
    std::int64_t pause_ms = 0;       // until its next pass, beginning with the end of the last
    std::uint64_t begun_ticket = 0;  // the newest ticket when its present pass began
    std::uint64_t ended_ticket = 0;  // and when its last one did
  };
  struct Asked {
    std::uint64_t ticket = 0;
    Refreshed done;
  };
  void run(Reader& reader);
  void read_once(Reader& reader, bool everything);
  void publish(Reader& reader, Read read, bool ended);
  // With mutex_.
  static void note_pass(Reader& reader, std::int64_t at_wall_ms, bool ended);
  [[nodiscard]] std::vector<ServiceRow> service_rows() const;
  [[nodiscard]] Read merged();
  void append_missing(Read& all, const std::map<std::string, std::size_t>& missing);

  std::vector<std::unique_ptr<Reader>> readers_;
  std::string name_;
  Deliver deliver_;
  std::mutex deliver_mutex_;  // taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::int64_t started_mono_ms_ = 0;
  std::uint64_t tickets_ = 0;
  std::vector<Asked> asked_;
  Ledger ledger_{1, Random{1}};  // of what is wrong with all services together: asking again costs nothing
  Pass delivered_;
  PassSummary last_;
};

}  // namespace abide::discovery
