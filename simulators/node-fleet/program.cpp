#include "simulators/node-fleet/program.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <ostream>
#include <sstream>
#include <thread>
#include <utility>

#include "common/core/hash.hpp"
#include "common/service/build_version.hpp"
#include "common/service/signals.hpp"
#include "common/store/durable_file.hpp"
#include "simulators/node-fleet/fleet.hpp"
#include "simulators/node-fleet/view.hpp"

namespace abide::node_fleet {
namespace {

constexpr const char* program = "abide-node-fleet";
constexpr std::size_t earlier_bytes_max = 64U << 20U;
constexpr std::size_t register_told_every = 1'000;

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The port of http://HOST:PORT; 0: it has none.
std::uint16_t port_of(const std::string& url) {
  const auto colon = url.rfind(':');
  std::uint16_t port = 0;
  if (colon != std::string::npos) std::from_chars(url.data() + colon + 1, url.data() + url.size(), port);
  return port;
}

SlotContent factory_of(const Options& options) {
  SlotContent content;
  content.profile_name = options.profile.empty() ? "node-fleet" : options.profile;
  content.os_image_id = options.image.empty() ? "1.0.0" : options.image;
  content.architecture = "x86_64";
  const auto digest = parse_digest(options.digest);
  content.digest = digest ? *digest : sha256(content.profile_name + "\n" + content.os_image_id);
  return content;
}

class Run {
 public:
  Run(Options options, const std::vector<std::string>& words, const Console& console)
      : options_(std::move(options)), console_(console), operator_(options_) {
    report_.version = build_version();
    report_.command = fmt::format("{} {}", program, fmt::join(words, " "));
    report_.nodes = options_.nodes;
    report_.projects = options_.projects;
    report_.seed = options_.seed;
  }

  int run() {
    if (const auto code = read_earlier()) return *code;
    if (auto raised = raise_descriptor_limit(descriptors_for(options_.nodes)); !raised) return fail_with(Exit::impossible, raised.error());
    auto network = Network::open(options_.network);
    if (!network) return fail_with(network.error().code == Code::invalid_input ? Exit::usage : Exit::impossible, network.error());
    std::unique_ptr<Journals> journals;
    if (!options_.journals.empty()) {
      auto opened = Journals::open(options_.journals);
      if (!opened) return fail_with(Exit::impossible, opened.error());
      journals = *std::move(opened);
    }
    auto factory = factory_of(options_);
    if (!options_.api.empty()) {
      auto prepared = operator_.prepare();
      if (prepared) factory = *std::move(prepared);
      if (!prepared && (options_.drive || prepared.error().code != Code::not_found)) return fail_with(Exit::impossible, prepared.error());
      if (!options_.digest.empty()) factory.digest = *parse_digest(options_.digest);
    }
    find_processes();
    if (auto done = play(**network, journals.get(), std::move(factory)); !done) return fail_with(Exit::impossible, done.error());
    if (journals) {
      report_.commits = journals->commits();
      report_.syncs = journals->syncs();
    }
    if (const auto code = write_files()) return *code;
    return to_int(report_.clean() ? Exit::clean : Exit::finding);
  }

 private:
  int fail_with(Exit code, const Error& error) {
    *console_.err << program << ": " << one_line(error.message) << "\n" << std::flush;
    return to_int(code);
  }

  std::optional<int> read_earlier() {
    if (options_.compare.empty()) return std::nullopt;
    std::ifstream in(options_.compare, std::ios::binary);
    std::string text;
    if (in) {
      std::ostringstream all;
      all << in.rdbuf();
      text = all.str();
    }
    auto earlier = text.size() > earlier_bytes_max ? Result<Earlier>(fail(Code::invalid_input, "too long")) : parse_earlier(text);
    if (!earlier) return fail_with(Exit::usage, earlier.error().in("--compare " + options_.compare));
    earlier_ = *std::move(earlier);
    return std::nullopt;
  }

  void find_processes() {
    if (!options_.watch_pids.empty()) return;
    for (const auto port : {port_of(options_.network.broker_url), port_of(options_.api)})
      if (port != 0) options_.watch_ports.push_back(port);
  }

  Result<void> register_nodes(const std::function<bool()>& stopped) {
    std::size_t told = 0;
    return operator_.register_all([&](std::size_t done) {
      if (done - told >= register_told_every) {
        told = done;
        *console_.err << fmt::format("registered {} of {}\n", done, options_.nodes) << std::flush;
      }
      return !stopped();
    });
  }

  Result<void> play(Network& network, Journals* journals, SlotContent factory) {
    const auto resident_before = use_of(own_pid()).value_or(ProcessUse{}).resident;
    const auto began_wall_ms = wall_ms();
    report_.began_at = to_rfc3339(began_wall_ms);
    Board board;
    Fleet fleet(options_, network, journals, std::move(factory), board);
    std::atomic<bool> stopped = false;
    auto signals = Signals::catch_stop([&](int) {
      stopped = true;
      fleet.stop();
    });
    if (!signals) return fail(signals.error());
    if (options_.drive)
      if (auto registered = register_nodes([&] { return stopped.load(); }); !registered) return registered;

    std::vector<std::thread> threads;
    if (options_.drive)
      threads.emplace_back([&] {
        if (auto driven = operator_.drive(board); !driven) fleet.fail_from_outside(driven.error());
      });
    if (!options_.api.empty()) threads.emplace_back([&] { watch_sightings(options_.api, board); });

    std::vector<std::string> names;
    for (const auto& watched : fleet.watched()) names.push_back(watched.name);
    View view(*console_.err, console_.err_is_terminal, console_.colours, options_.nodes, names);
    auto ending = fleet.run([&](const Moment& moment) { view.show(moment); });
    view.end();
    // Memory with everything in use, before anything is given back.
    const auto resident = use_of(own_pid()).value_or(ProcessUse{}).resident;
    report_.bytes_per_node = resident > resident_before ? (resident - resident_before) / options_.nodes : 0;
    report_.watched = fleet.watched();
    report_.tally = fleet.tally();
    const auto accounts = fleet.accounts();
    fleet.close();
    board.stop();
    for (auto& thread : threads) thread.join();
    signals->reset();
    if (!ending) return fail(ending.error());
    report_.ending = *ending;
    report_.took_s = static_cast<double>(fleet.took_ms()) / 1'000;
    report_.traffic = network.traffic;
    report_.legs = fleet.legs();
    report_.timeline = fleet.timeline();
    report_.recoveries = fleet.recoveries();
    auto losses = reckon(options_, accounts, began_wall_ms);
    if (!losses) return fail(losses.error());
    report_.losses = *std::move(losses);
    return {};
  }

  std::optional<int> write_files() {
    auto& out = *console_.out;
    if (options_.json) {
      out << json_of(report_);
    } else {
      out << text_of(report_);
      if (earlier_) out << comparison_text(*earlier_, report_);
    }
    out << std::flush;
    if (options_.json && earlier_) *console_.err << comparison_text(*earlier_, report_) << std::flush;
    const auto write = [](const std::string& path, const std::string& text) -> Result<void> {
      std::ofstream file(path, std::ios::binary | std::ios::trunc);
      file << text;
      file.flush();
      if (!file) return fail(Code::unavailable, path + ": cannot be written");
      return {};
    };
    Result<void> written;
    const auto also = [&](const std::string& path, const std::string& text) {
      if (written && !path.empty()) written = write(path, text);
    };
    if (!options_.report.empty()) also(options_.report, json_of(report_));
    if (!options_.html.empty()) also(options_.html, html_of(report_, earlier_));
    if (!options_.histograms.empty()) {
      std::error_code ignored;
      std::filesystem::create_directories(options_.histograms, ignored);
      for (std::size_t i = 0; i < legs_count; ++i)
        also(fmt::format("{}/{}.hgrm", options_.histograms, leg_words[i].name), report_.legs.histograms[i].percentile_text(1'000));
    }
    if (written && !out) written = fail(Code::unavailable, "stdout: cannot be written");
    if (!written) return fail_with(Exit::failed, written.error());
    return std::nullopt;
  }

  Options options_;
  const Console& console_;
  Operator operator_;
  Report report_;
  std::optional<Earlier> earlier_;
};

std::string list_of(const Options& options) {
  std::string text;
  for (std::size_t i = 0; i < options.nodes; ++i) text += project_of(options, i) + " " + to_string(node_id_of(options, i)) + "\n";
  return text;
}

}  // namespace

int run_program(const std::vector<std::string>& words, const Console& console) {
  auto parsed = parse_options(words);
  if (const auto* said = std::get_if<Said>(&parsed)) {
    (said->code == to_int(Exit::clean) ? *console.out : *console.err) << said->text << std::flush;
    return said->code;
  }
  auto& options = std::get<Options>(parsed);
  if (options.list_nodes) {
    *console.out << list_of(options) << std::flush;
    return to_int(Exit::clean);
  }
  start_logging(options.log_level);
  return Run(std::move(options), words, console).run();
}

}  // namespace abide::node_fleet
