#include "tools/abidectl/grammar.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "common/service/build_version.hpp"
#include "common/service/wrong_usage.hpp"
#include "tools/abidectl/completion.hpp"
#include "tools/abidectl/exits.hpp"
#include "tools/abidectl/grammar_parts.hpp"

namespace abide::ctl {

namespace {

constexpr const char* about =
    "Drives an Abide orchestrator: abidectl VERB NOUN [NAME] [flags].\n"
    "Names, resource ids and (hosts) UUIDs are taken alike.";

constexpr const char* closing =
    "Server and project come from --server and --project, from ABIDE_SERVER and ABIDE_PROJECT, or from a context:\n"
    "  # ~/.config/abide/config.toml\n"
    "  context = \"lab\"\n"
    "  [contexts.lab]\n"
    "  server = \"http://127.0.0.1:8080\"\n"
    "  project = \"demo\"\n"
    "`abidectl config` makes and chooses contexts, `abidectl completion` is for shells.\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 server unreachable, 5 conflict.\n"
    "\n"
    "Examples:\n"
    "  abidectl get hosts\n"
    "  abidectl create osupdatepolicy newest --latest\n"
    "  abidectl link policy newest --host edge-1 --host edge-2\n"
    "  abidectl create schedule tonight --host edge-1 --type osupdate --start now --end +2h\n"
    "  abidectl update-os --site munich --policy newest --now --dry-run\n"
    "  abidectl watch hosts\n"
    "  abidectl explain host edge-1";

// Without what an option excludes or needs: CLI11 lists that in the order of addresses, and errors say it anyway.
class PlainFormatter : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    std::string text = " " + get_label(option->get_type_name());
    if (!option->get_default_str().empty()) text += "=" + option->get_default_str();
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) text += " ...";
    if (option->get_required()) text += " " + get_label("REQUIRED");
    return text;
  }
};

}  // namespace

Grammar::Grammar(Words& words) : words_(words), app_(std::make_unique<CLI::App>(about, "abidectl")) {
  app_->formatter(std::make_shared<PlainFormatter>());
  app_->footer(closing);
  app_->require_subcommand(1);
  app_->failure_message(wrong_usage);
  app_->set_version_flag("--version", version_line("abidectl"));
  app_->add_option("--server", words_.given.server, "URL of the orchestrator [ABIDE_SERVER]");
  app_->add_option("-p,--project", words_.given.project, "project [ABIDE_PROJECT]");
  app_->add_option("-o,--output", words_.given.output, "table, wide, json or yaml [ABIDE_OUTPUT]");
  app_->add_option("--context", words_.given.context, "context of the configuration file [ABIDE_CONTEXT]");
  app_->add_option("--config", words_.given.config, "configuration file [ABIDE_CONFIG]");
  reading();
  making();
  editing();
  setting();
  linking();
  steering();
  updating();
  calculating();
  configuring();
}

Grammar::~Grammar() = default;

CLI::App& Grammar::verb(const std::string& name, const std::string& what, const std::string& examples) {
  auto* verb = app_->add_subcommand(name, what);
  verb->require_subcommand(1);
  verb->fallthrough();
  verb->footer("Examples:\n" + examples);
  return *verb;
}

CLI::App& Grammar::noun(CLI::App& verb, const Kind& kind, const std::string& what, const std::string& examples, Action action) {
  return noun(verb, kind.noun, kind.aliases, what, examples, std::move(action));
}

CLI::App& Grammar::noun(CLI::App& verb, const std::string& name, const std::vector<std::string>& aliases, const std::string& what,
                        const std::string& examples, Action action) {
  auto* noun = verb.add_subcommand(name, what);
  for (const auto& alias : aliases) noun->alias(alias);
  noun->fallthrough();
  noun->footer("Also: --server, --project, --output and --context, as `abidectl --help` says.\n\nExamples:\n" + examples);
  noun->callback([this, action = std::move(action)] { words_.action = action; });
  return *noun;
}

void Grammar::calculating() {
  auto& next = verb("next", "Says when a repeated schedule opens, without a server",
                    "  abidectl next schedule '0 2 * * mon-fri' --zone Europe/Berlin");
  auto& schedule = noun(next, kind_of("schedule"), "Prints the next openings of a cron text, one RFC 3339 time a line",
                        "  abidectl next schedule '30 2 * * *'\n"
                        "  abidectl next schedule '*/15 22,23 * * sat,sun' --zone America/New_York --after 2026-11-01T00:00:00Z -n 4",
                        {});
  schedule.add_option("CRON", words_.next.cron, "minutes, hours, day of month, month, day of week, in quotes")->required();
  schedule.add_option("--zone", words_.next.zone, "IANA time zone, such as Europe/Berlin; without it UTC");
  schedule.add_option("--after", words_.next.after, "RFC 3339, now, or +10m: only openings behind it")->capture_default_str();
  schedule.add_option("-n", words_.next.count, "so many")->check(CLI::Range(1, next_openings_max))->capture_default_str();
  schedule.callback([this] {
    words_.needs = Needs::nothing;
    words_.action = [this](Session& session) { return next_openings(session, words_.next); };
  });
}

void Grammar::configuring() {
  auto& config = verb("config", "Contexts of the configuration file: which server, which project",
                      "  abidectl config set-context lab --server http://127.0.0.1:8080 --project demo\n  abidectl config use-context lab");
  const auto sub = [&](const std::string& name, const std::string& what, const std::string& examples, Action action) -> CLI::App& {
    auto& made = noun(config, name, {}, what, examples, {});
    made.footer("Also: --config and --output, as `abidectl --help` says.\n\nExamples:\n" + examples);
    made.callback([this, action = std::move(action)] {
      words_.needs = Needs::config;
      words_.action = action;
    });
    return made;
  };
  sub("get-contexts", "Lists them", "  abidectl config get-contexts", [](Session& session) { return get_contexts(session); });
  sub("use-context", "Chooses the one that is used without --context", "  abidectl config use-context lab",
      [this](Session& session) { return use_context(session, words_.name); })
      .add_option("CONTEXT", words_.name, "its name")
      ->required();
  // A server that is set here is not the one of this call.
  auto& set = sub("set-context", "Makes or changes one", "  abidectl config set-context lab --server http://127.0.0.1:8080 --project demo",
                  [this](Session& session) { return set_context(session, words_.context); });
  set.add_option("CONTEXT", words_.context.name, "its name")->required();
  set.add_option("--server", words_.context.server, "URL of the orchestrator");
  set.add_option("-p,--project", words_.context.project, "project");
  set.add_option("-o,--output", words_.context.output, "table, wide, json or yaml");

  auto& completion = verb("completion", "Prints a script that completes verbs, nouns, flags, and names as the server has them",
                          "  source <(abidectl completion bash)\n  abidectl completion bash > /etc/bash_completion.d/abidectl");
  for (const auto& [shell, how] : {std::pair{"bash", "  source <(abidectl completion bash)"},
                                   std::pair{"zsh", "  abidectl completion zsh > \"${fpath[1]}/_abidectl\""},
                                   std::pair{"fish", "  abidectl completion fish > ~/.config/fish/completions/abidectl.fish"}}) {
    auto& made = noun(completion, shell, {}, std::string("For ") + shell, how, {});
    made.footer(std::string("Examples:\n") + how);
    made.callback([this, name = std::string(shell)] {
      words_.needs = Needs::config;
      words_.action = [name](Session& session) -> Result<void> {
        *session.around.out << completion_script(name);
        return {};
      };
    });
  }
}

int run(const std::vector<std::string>& arguments, const Surroundings& around) {
  Words words;
  Grammar grammar(words);
  if (!arguments.empty() && arguments.front() == complete_word) {
    complete(grammar.app(), {arguments.begin() + 1, arguments.end()}, around);
    return exit_done;
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    grammar.app().parse(std::move(reversed));
  } catch (const CLI::ParseError& end) {
    // Also the way that --help and --version end.
    const int code = grammar.app().exit(end, *around.out, *around.err);
    return code == 0 ? exit_done : exit_usage;
  }
  const auto failed = [&](const Error& error) {
    *around.err << "abidectl: " << error.message << "\n";
    return exit_of(error.code);
  };
  const auto settings = settle(words.given, around.environment, words.needs);
  if (!settings) return failed(settings.error());
  Session session{around, *settings, {settings->server, settings->project}};
  const auto done = words.action(session);
  return done ? exit_done : failed(done.error());
}

}  // namespace abide::ctl
