// export: a history, or a part of one, in one file. import: such a file as a state directory again.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>

#include "common/core/time.hpp"
#include "common/service/build_version.hpp"
#include "common/store/export_file.hpp"
#include "common/store/rocks_store.hpp"
#include "tools/replay/commands.hpp"
#include "tools/replay/extract.hpp"

namespace abide::replay {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t import_batch_bytes = 4U << 20U;

struct ExportOptions {
  HistoryOptions history;
  std::string out;
  std::string node;
  std::string since, until;
  bool with_secrets = false;
};

struct ImportOptions {
  std::string file;
  std::string state;
};

struct Cut {
  Part part;
  std::uint64_t until = 0;
};

Result<Cut> cut_of(const ExportOptions& options, const Opened& opened) {
  const auto& head = opened.scope().head;
  Cut cut;
  cut.part.with_secrets = options.with_secrets;
  cut.until = head.last;
  if (!options.until.empty()) {
    auto place = find_place(opened, options.until);
    if (!place) return fail(place.error());
    cut.until = *place;
    cut.part.until = *place;
  }
  if (options.since.empty()) return cut;
  auto bound = parse_bound(options.since);
  if (!bound) return fail(bound.error());
  auto base = bound->at_ms ? find_place(opened, to_rfc3339(*bound->at_ms - 1))
                           : find_place(opened, std::to_string(*bound->sequence == 0 ? 0 : *bound->sequence - 1));
  if (!base) return fail(base.error());
  if (*base > cut.until) return fail(Code::invalid_input, "--since comes after --until");
  cut.part.base = *base;
  return cut;
}

ExportHeader header_of(const ExportOptions& options, const History& history, const Surroundings& around) {
  ExportHeader header;
  header["kind"] = to_string(history.kind());
  header["source"] = options.history.path;
  header["made_at"] = to_rfc3339(around.now_ms());
  header["made_by"] = version_line("abide-replay");
  header["secrets"] = history.kind() == Kind::agent ? "none" : options.with_secrets ? "included" : "left out";
  return header;
}

Result<void> write_scopes(const History& history, const std::vector<const Scope*>& scopes, const Part& part, const PutRow& put,
                          const Progressed& progressed) {
  for (const auto* scope : scopes)
    if (auto done = extract(history, *scope, part, put, progressed); !done) return done;
  return {};
}

void report(const ExportOptions& options, const ExportWriter& writer, const ExportHeader& header, const Surroundings& around) {
  *around.out << options.out << ": " << writer.records() << " records, " << writer.bytes() << " bytes";
  for (const char* key : {"project", "node", "since", "until"})
    if (const auto found = header.find(key); found != header.end()) *around.out << ", " << key << " " << found->second;
  *around.out << ", secrets " << header.at("secrets") << "\n";
}

Result<int> export_history(const ExportOptions& options, const Surroundings& around) {
  std::optional<History> whole;
  {
    // Without --project all of them, where no part is asked for.
    ProgressBar bar(around, "reading");
    auto history = History::open(options.history.path, bar.progressed());
    if (!history) return fail(history.error());
    whole.emplace(std::move(*history));
  }
  const bool all = whole->kind() == Kind::orchestrator && options.history.project.empty() && options.node.empty() &&
                   options.since.empty() && options.until.empty();
  std::vector<const Scope*> scopes;
  std::size_t at = 0;
  if (!all) {
    auto scope = whole->scope(whole->kind() == Kind::agent ? "" : options.history.project);
    if (!scope) return fail(scope.error());
    at = static_cast<std::size_t>(*scope - whole->scopes().data());
  }
  const Opened opened{std::move(*whole), at};
  for (const auto& line : opened.history.damage()) *around.err << "abide-replay: damaged: " << line << std::endl;
  if (all)
    for (const auto& scope : opened.history.scopes()) scopes.push_back(&scope);
  else
    scopes.push_back(&opened.scope());
  auto cut = cut_of(options, opened);
  if (!cut) return fail(cut.error());
  auto header = header_of(options, opened.history, around);
  std::optional<CutOut> node;
  if (!options.node.empty()) {
    auto id = find_node(opened, options.node);
    if (!id) return fail(id.error());
    header["node"] = to_string(*id);
    if (opened.history.kind() == Kind::orchestrator) {
      if (cut->part.base)
        return fail(Code::invalid_input, "--since and --node exclude each other: what a node is, is known from its beginning");
      auto made = cut_out_node(opened.history, opened.scope(), *id, cut->until);
      if (!made) return fail(made.error());
      node.emplace(std::move(*made));
      header["kind"] = to_string(Kind::agent);
      header["secrets"] = "none";
      header["begins"] = node->begins;
      cut->part = Part{};
      scopes = {&node->history.scopes().front()};
    }
  }
  if (!all && opened.history.kind() == Kind::orchestrator) header["project"] = opened.scope().name;
  if (cut->part.base) header["since"] = std::to_string(*cut->part.base + 1);
  if (!options.until.empty()) header["until"] = std::to_string(cut->until);
  auto writer = ExportWriter::create(options.out, header);
  if (!writer) return fail(writer.error());
  ProgressBar bar(around, "exporting");
  auto done = write_scopes(
      node ? node->history : opened.history, scopes, cut->part,
      [&](std::string_view key, std::string_view value) { return writer->add(key, value); }, bar.progressed());
  if (done) done = writer->finish();
  if (!done) return fail(done.error());
  report(options, *writer, header, around);
  return end_of(opened);
}

// ---- import ----------------------------------------------------------------------------------------------------------------

class StoreFiller {
 public:
  explicit StoreFiller(RocksStore& store) : store_(store) {}
  Result<void> put(std::string_view key, std::string_view value) {
    batch_.put(std::string(key), std::string(value));
    bytes_ += key.size() + value.size();
    ++rows_;
    return bytes_ < import_batch_bytes ? Result<void>() : flush();
  }
  Result<void> flush() {
    auto done = store_.commit(batch_);
    batch_.clear();
    bytes_ = 0;
    return done;
  }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  RocksStore& store_;
  Batch batch_;
  std::size_t bytes_ = 0;
  std::uint64_t rows_ = 0;
};

Result<void> fill(const std::string& file, const History* damaged, StoreFiller& filler, ProgressBar& bar) {
  const PutRow put = [&](std::string_view key, std::string_view value) { return filler.put(key, value); };
  if (damaged != nullptr) {
    std::vector<const Scope*> scopes;
    for (const auto& scope : damaged->scopes()) scopes.push_back(&scope);
    Part part;
    part.with_secrets = true;  // those that the file has
    if (auto done = write_scopes(*damaged, scopes, part, put, bar.progressed()); !done) return done;
    return filler.flush();
  }
  std::error_code ignored;
  const auto total = fs::file_size(file, ignored);
  std::optional<Error> failure;
  auto read = read_export(
      file,
      [&](std::string_view key, std::string_view value) {
        auto done = put(key, value);
        if (!done) failure = done.error();
        return done.has_value();
      },
      [&](std::uint64_t bytes) { bar.at(bytes, total); });
  if (failure) return fail(*failure);
  if (!read) return fail(read.error());
  return filler.flush();
}

Result<int> import_file(const ImportOptions& options, const Surroundings& around) {
  std::error_code failure;
  if (fs::exists(options.state, failure) && !(fs::is_directory(options.state, failure) && fs::is_empty(options.state, failure)))
    return fail(Code::conflict, options.state + " is there already: an import makes a new state directory");
  ProgressBar bar(around, "importing");
  // Twice: a file that is cut off is put right in memory before it becomes a store.
  auto whole = read_export(options.file, [](std::string_view, std::string_view) { return true; });
  if (!whole) return fail(whole.error());
  std::optional<History> history;
  if (whole->damage) {
    auto opened = History::open(options.file);
    if (!opened) return fail(opened.error());
    history.emplace(std::move(*opened));
    for (const auto& line : history->damage()) *around.err << "abide-replay: damaged: " << line << std::endl;
  }
  auto store = RocksStore::open(options.state);
  if (!store) return fail(store.error());
  StoreFiller filler(**store);
  if (auto done = fill(options.file, history ? &*history : nullptr, filler, bar); !done)
    return fail(done.error().in(options.state + " is not complete, remove it"));
  *around.out << options.state << ": " << filler.rows() << " records of " << options.file << "\n";
  if (const auto secrets = whole->header.find("secrets"); secrets != whole->header.end() && secrets->second == "left out")
    *around.out << "the project's key is left out: an orchestrator on it is for a sandbox, and must not meet real nodes\n";
  return history ? exit_damaged : exit_done;
}

}  // namespace

Command add_export(CLI::App& root) {
  auto* app = root.add_subcommand("export", "a history, or a part of one, in one file with checksums");
  const auto options = std::make_shared<ExportOptions>();
  add_history_options(*app, options->history, false);
  app->add_option("--out", options->out, "the new file")->required();
  app->add_option("--node", options->node, "only this node's journal, as the orchestrator has stored it: the history of an agent");
  app->add_option("--since", options->since, "a sequence or a time: what was before becomes the state that it begins with");
  app->add_option("--until", options->until, "a sequence or a time: the last event");
  app->add_flag("--with-secrets", options->with_secrets, "with the project's key, which signs documents");
  return {app, [options](const Surroundings& around) {
            auto done = export_history(*options, around);
            return done ? *done : complain(around, done.error());
          }};
}

Command add_import(CLI::App& root) {
  auto* app = root.add_subcommand("import", "an exported file as a new state directory, for a sandbox");
  const auto options = std::make_shared<ImportOptions>();
  app->add_option("FILE", options->file, "what export made")->required();
  app->add_option("--state", options->state, "the new directory; not there yet, or empty")->required();
  return {app, [options](const Surroundings& around) {
            auto done = import_file(*options, around);
            return done ? *done : complain(around, done.error());
          }};
}

}  // namespace abide::replay
