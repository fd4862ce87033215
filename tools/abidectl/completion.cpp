#include "tools/abidectl/completion.hpp"

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "tools/abidectl/commands.hpp"

namespace abide::ctl {

namespace {

constexpr int names_max = 100;

const char* const bash_script = R"sh(# bash completion of abidectl:  source <(abidectl completion bash)
_abidectl() {
  local cur words cword word
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n =: cur words cword
  else
    words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
  fi
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$(printf %q "$word")")
  done < <("${words[0]}" __complete "${words[@]:1:cword}" 2>/dev/null)
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -o default -F _abidectl abidectl
)sh";

const char* const zsh_script = R"sh(#compdef abidectl
# zsh completion of abidectl:  source <(abidectl completion zsh)
_abidectl() {
  local answer
  answer="$("${words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)"
  if [[ -n "$answer" ]]; then
    local -a found
    found=("${(@f)answer}")
    compadd -- "${found[@]}"
  else
    _files
  fi
}
# Loaded from $fpath this file is the function itself.
if [[ "${funcstack[1]}" = _abidectl ]]; then _abidectl "$@"; else compdef _abidectl abidectl; fi
)sh";

const char* const fish_script = R"sh(# fish completion of abidectl:  abidectl completion fish | source
function __abidectl_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c abidectl -f -a '(__abidectl_complete)'
complete -c abidectl -s f -l file -r -F
complete -c abidectl -l config -r -F
)sh";

// Where the words have led: to a verb, to its noun, to an option that waits for its value.
struct Place {
  std::vector<const CLI::App*> apps;  // from the outermost inwards
  const CLI::Option* waits = nullptr;
  int positionals = 0;  // that are given already
  Given given;
};

const CLI::Option* option_called(const Place& place, const std::string& word) {
  for (auto app = place.apps.rbegin(); app != place.apps.rend(); ++app)
    if (const auto* option = (*app)->get_option_no_throw(word); option != nullptr) return option;
  return nullptr;
}

void remember(Place& place, const CLI::Option& option, const std::string& value) {
  const std::map<std::string, std::string Given::*> all = {
      {"--server", &Given::server}, {"--project", &Given::project}, {"--context", &Given::context}, {"--config", &Given::config}};
  if (const auto found = all.find(option.get_name()); found != all.end()) place.given.*found->second = value;
}

const CLI::App* subcommand(const CLI::App& app, const std::string& word) {
  for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; }))
    if (one->check_name(word)) return one;
  return nullptr;
}

Place follow(const CLI::App& app, const std::vector<std::string>& words) {
  Place place;
  place.apps.push_back(&app);
  for (const auto& word : words) {
    if (word == "=") continue;  // bash parts --flag=value there
    if (place.waits != nullptr) {
      remember(place, *place.waits, word);
      place.waits = nullptr;
    } else if (word.size() > 1 && word.front() == '-') {
      const auto equals = word.find('=');
      const auto* option = option_called(place, word.substr(0, equals));
      if (option == nullptr || option->get_type_size() == 0) continue;
      if (equals == std::string::npos) {
        place.waits = option;
      } else {
        remember(place, *option, word.substr(equals + 1));
      }
    } else if (const auto* next = subcommand(*place.apps.back(), word); next != nullptr && place.positionals == 0) {
      place.apps.push_back(next);
    } else {
      ++place.positionals;
    }
  }
  return place;
}

// The names of a kind, as many as fit on a page.
std::vector<std::string> names_of(const Kind& kind, const std::string& begin, const Place& place, const Surroundings& around) {
  const auto settings = settle(place.given, around.environment);
  if (!settings) return {};
  Session session{around, *settings, {settings->server, settings->project}};
  session.client.hurry();
  Query query = {{"pageSize", std::to_string(names_max)}};
  const bool filtered =
      kind.filters && begin.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./: ") == std::string::npos;
  const bool by_id = !kind.id_prefix.empty() && begin.compare(0, kind.id_prefix.size(), kind.id_prefix) == 0;
  if (filtered && !begin.empty() && !by_id) query.emplace_back("filter", "name=\"" + begin + "\"");
  std::vector<std::string> names;
  const auto take = [&](const std::string& path, const std::string& key) {
    const auto answer = session.client.get(path, query);
    if (!answer) return;
    for (const auto& object : member_at(*answer, key)) {
      const auto name = text_at(object, "name");
      names.push_back(name.empty() || by_id ? text_at(object, "resourceId") : name);
    }
  };
  take(kind.path, kind.list_key);
  if (kind.beside) take(kind.beside->path, kind.beside->list_key);
  return names;
}

std::vector<std::string> contexts(const Place& place, const Surroundings& around) {
  const auto settings = settle(place.given, around.environment, Needs::config);
  if (!settings) return {};
  std::ostringstream out;
  std::ostringstream err;
  auto quiet = around;
  quiet.out = &out;
  quiet.err = &err;
  Session session{quiet, *settings, {"", ""}};
  session.settings.output = Output::json;
  std::vector<std::string> names;
  if (!get_contexts(session)) return names;
  for (const auto& context : Json::parse(out.str(), nullptr, false)) names.push_back(text_at(context, "name"));
  return names;
}

// What an option, or what stands without one, is the name of.
std::vector<std::string> values(const CLI::Option& option, const std::string& begin, const Place& place, const Surroundings& around) {
  const auto name = option.get_name();
  static const std::map<std::string, std::vector<std::string>> words = {{"--output", {"table", "wide", "json", "yaml"}},
                                                                        {"--type", {"osupdate", "maintenance", "blackout"}},
                                                                        {"--maintenance-type", {"osupdate", "maintenance"}},
                                                                        {"--frequency-type", {"single", "repeated"}},
                                                                        {"--frequency", {"weekly", "monthly"}}};
  if (const auto found = words.find(name); found != words.end()) return found->second;
  if (name == "--context" || name == "CONTEXT") return contexts(place, around);
  // Of a schedule in the words of orch-cli; of a policy it is an image.
  if (name == "--target" && place.apps.size() > 2 && place.apps[2]->get_name() == "schedule") return {"host:", "site:", "region:"};
  static const std::map<std::string, const char*> nouns = {{"--host", "host"},
                                                           {"--site", "site"},
                                                           {"--region", "region"},
                                                           {"--parent", "region"},
                                                           {"--instance", "instance"},
                                                           {"--target", "osprofile"},
                                                           {"--policy", "osupdatepolicy"},
                                                           {"HOST", "host"},
                                                           {"POLICY", "osupdatepolicy"},
                                                           {"--osupdatepolicy", "osupdatepolicy"},
                                                           {"INSTANCE", "instance"}};
  if (const auto found = nouns.find(name); found != nouns.end()) return names_of(kind_of(found->second), begin, place, around);
  // A name is one of the noun before it, unless it is a new one.
  const bool makes = place.apps.size() > 1 && place.apps[1]->get_name() == "create";
  if (name == "NAME" && !makes && place.apps.size() > 2)
    if (const auto* kind = kind_called(place.apps[2]->get_name()); kind != nullptr) return names_of(*kind, begin, place, around);
  return {};
}

std::vector<std::string> candidates(const Place& place, const std::string& begin, const Surroundings& around) {
  if (place.waits != nullptr) return values(*place.waits, begin, place, around);
  const auto& app = *place.apps.back();
  std::vector<std::string> found;
  if (!begin.empty() && begin.front() == '-') {
    for (const auto* one : place.apps)
      for (const auto* option : one->get_options())
        for (const auto& name : option->get_lnames()) found.push_back("--" + name);
    return found;
  }
  if (place.positionals == 0)
    for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; })) {
      const auto aliases = one->get_aliases();
      found.push_back(one->get_name());
      found.insert(found.end(), aliases.begin(), aliases.end());
    }
  int index = 0;
  for (const auto* option : app.get_options()) {
    if (!option->get_positional() || !option->get_lnames().empty()) continue;
    const bool many = option->get_expected_max() == CLI::detail::expected_max_vector_size;
    if (index++ != place.positionals && !many) continue;
    const auto names = values(*option, begin, place, around);
    found.insert(found.end(), names.begin(), names.end());
    break;
  }
  return found;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "zsh") return zsh_script;
  return shell == "fish" ? fish_script : bash_script;
}

void complete(const CLI::App& app, const std::vector<std::string>& words, const Surroundings& around) {
  std::string begin = words.empty() ? std::string() : words.back();
  if (begin == "=") begin.clear();
  if (!begin.empty() && (begin.front() == '"' || begin.front() == '\'')) begin.erase(0, 1);
  auto place = follow(app, words.empty() ? words : std::vector<std::string>(words.begin(), words.end() - 1));
  std::string lead;  // --flag=value, as one word
  if (const auto equals = begin.find('='); equals != std::string::npos && begin.front() == '-') {
    place.waits = option_called(place, begin.substr(0, equals));
    if (place.waits == nullptr) return;
    lead = begin.substr(0, equals + 1);
    begin.erase(0, equals + 1);
  }
  for (const auto& candidate : candidates(place, begin, around))
    if (candidate.compare(0, begin.size(), begin) == 0) *around.out << lead << candidate << "\n";
}

}  // namespace abide::ctl
