// abidectl config: contexts in the configuration file. It is a person's file: their comments and everything else in it stay.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <toml++/toml.h>
#include <unistd.h>

#include "tools/abidectl/commands.hpp"

namespace abide::ctl {

namespace {

constexpr std::uintmax_t config_bytes_max = 1U << 20U;
constexpr const char* keys[] = {"server", "project", "output"};

struct Config {
  std::string text;
  toml::table table;
};

Result<toml::table> parse(const std::string& path, const std::string& text) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& wrong) {
    return fail(Code::invalid_input, path + ":" + std::to_string(wrong.source().begin.line) + ": " + std::string(wrong.description()));
  }
}

// A file that is not there is an empty one.
Result<Config> read_config(const std::string& path) {
  if (path.empty()) return fail(Code::invalid_input, "there is no place for a configuration file: give --config, ABIDE_CONFIG or HOME");
  Config config;
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    if (std::filesystem::file_size(path, error) > config_bytes_max || error)
      return fail(Code::invalid_input, path + ": is larger than 1 MiB, or no file");
    std::ifstream in(path, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    if (!in) return fail(Code::invalid_input, path + ": cannot be read");
    config.text = text.str();
  }
  auto table = parse(path, config.text);
  if (!table) return fail(table.error());
  config.table = std::move(*table);
  return config;
}

Result<void> write_config(const std::string& path, const std::string& text) {
  const std::filesystem::path target(path);
  std::error_code error;
  if (target.has_parent_path()) std::filesystem::create_directories(target.parent_path(), error);
  if (error) return fail(Code::denied, target.parent_path().string() + ": " + error.message());
  const auto temporary = path + "." + std::to_string(::getpid()) + ".new";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text << std::flush;
    if (!out) {
      std::filesystem::remove(temporary, error);
      return fail(Code::denied, temporary + ": cannot be written");
    }
  }
  std::filesystem::rename(temporary, target, error);
  if (!error) return {};
  const auto message = path + ": " + error.message();
  std::filesystem::remove(temporary, error);
  return fail(Code::denied, message);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

// As people write it, in double quotes.
std::string written(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      text += std::string("\\u00") + digits[byte >> 4U] + digits[byte & 15U];
    } else {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text + "\"";
}

// Bare keys need no quotes.
std::string written_key(const std::string& name) {
  const bool bare =
      !name.empty() && name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
  return bare ? name : written(name);
}

std::string table_head(const std::string& line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin != std::string::npos && line[begin] == '[' ? line.substr(begin) : std::string();
}

bool sets(const std::string& line, const std::string& key) {
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos || line.compare(begin, key.size(), key) != 0) return false;
  const auto behind = line.find_first_not_of(" \t", begin + key.size());
  return behind != std::string::npos && line[behind] == '=';
}

// Sets a key between two lines: where it is already, else in front of them (`first`).
void set_key(std::vector<std::string>& lines, std::size_t first, std::size_t& end, const std::string& key, const std::string& value) {
  const auto line = key + " = " + written(value);
  for (std::size_t at = first; at < end; ++at) {
    if (!sets(lines[at], key)) continue;
    lines[at] = line;
    return;
  }
  lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(first), line);
  ++end;
}

// The lines of the text are changed, and then it is read again: whatever way a file may be written in, it never becomes
// another one than was meant.
Result<void> change(const std::string& path, Config config, std::vector<std::string> lines, const toml::table& meant) {
  const auto text = joined(lines);
  const auto again = parse(path, text);
  if (!again || *again != meant)
    return fail(Code::denied, path + ": is written in a way that cannot be changed here without loss; please edit it by hand");
  if (text == config.text) return {};
  return write_config(path, text);
}

std::vector<std::string> names_of(const toml::table& config) {
  std::vector<std::string> names;
  if (const auto* contexts = config["contexts"].as_table(); contexts != nullptr)
    for (const auto& [name, context] : *contexts)
      if (context.is_table()) names.emplace_back(name);
  return names;
}

}  // namespace

Result<void> get_contexts(Session& session) {
  const auto config = read_config(session.settings.config);
  if (!config) return fail(config.error());
  const auto present = config->table["context"].value_or(std::string());
  Json all = Json::array();
  Table table{{"CURRENT", "NAME", "SERVER", "PROJECT", "OUTPUT"}, {}};
  for (const auto& name : names_of(config->table)) {
    const auto context = config->table["contexts"][name];
    Json one = {{"name", name}, {"current", name == present}};
    std::vector<std::string> row{name == present ? "*" : " ", name};
    for (const char* key : keys) {
      const auto value = context[key].value_or(std::string());
      row.push_back(value);
      if (!value.empty()) one[key] = value;
    }
    all.push_back(std::move(one));
    table.rows.push_back(std::move(row));
  }
  if (session.as_document()) {
    print_document(session, all);
  } else if (all.empty()) {
    *session.around.err << "no context in " << session.settings.config
                        << ": abidectl config set-context NAME --server URL --project PROJECT\n";
  } else {
    *session.around.out << to_text(table);
  }
  return {};
}

Result<void> use_context(Session& session, const std::string& name) {
  const auto& path = session.settings.config;
  auto config = read_config(path);
  if (!config) return fail(config.error());
  const auto names = names_of(config->table);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string there;
    for (const auto& one : names) there += (there.empty() ? "; there are " : ", ") + one;
    return fail(Code::not_found, "no context " + name + " in " + path + there);
  }
  auto lines = lines_of(config->text);
  std::size_t end = 0;
  while (end < lines.size() && table_head(lines[end]).empty()) ++end;
  set_key(lines, 0, end, "context", name);
  auto meant = config->table;
  meant.insert_or_assign("context", name);
  if (auto changed = change(path, std::move(*config), std::move(lines), meant); !changed) return changed;
  if (!session.as_document()) *session.around.out << "context " << name << " is used from now on\n";
  return {};
}

Result<void> set_context(Session& session, const ContextEdit& edit) {
  const auto& path = session.settings.config;
  if (!edit.server && !edit.project && !edit.output)
    return fail(Code::invalid_input, "nothing to set: give --server, --project or --output");
  if (edit.output)
    if (const auto output = parse_output(*edit.output); !output) return fail(output.error());
  auto config = read_config(path);
  if (!config) return fail(config.error());
  auto meant = config->table;
  if (!meant.contains("contexts")) meant.insert("contexts", toml::table());
  auto* contexts = meant["contexts"].as_table();
  if (contexts == nullptr) return fail(Code::invalid_input, path + ": \"contexts\" is no table");
  const bool is_new = !contexts->contains(edit.name);
  if (is_new) contexts->insert(edit.name, toml::table());
  auto* context = (*contexts)[edit.name].as_table();
  if (context == nullptr) return fail(Code::invalid_input, path + ": \"contexts." + edit.name + "\" is no table");

  auto lines = lines_of(config->text);
  const auto head = "[contexts." + written_key(edit.name) + "]";
  std::size_t first = 0;
  while (first < lines.size() && table_head(lines[first]).compare(0, head.size(), head) != 0) ++first;
  if (first == lines.size()) {
    if (!lines.empty() && !lines.back().empty()) lines.emplace_back();
    first = lines.size();
    lines.push_back(head);
  }
  std::size_t end = ++first;
  while (end < lines.size() && table_head(lines[end]).empty()) ++end;
  const std::optional<std::string>* values[] = {&edit.server, &edit.project, &edit.output};
  for (std::size_t i = std::size(keys); i-- > 0;) {  // backwards, since new ones go in front
    if (!*values[i]) continue;
    context->insert_or_assign(keys[i], **values[i]);
    set_key(lines, first, end, keys[i], **values[i]);
  }
  // The first one is used without another word.
  const bool used = meant.get("context") == nullptr;
  if (used) {
    meant.insert_or_assign("context", edit.name);
    lines.insert(lines.begin(), "context = " + written(edit.name));
  }
  if (auto changed = change(path, std::move(*config), std::move(lines), meant); !changed) return changed;
  if (!session.as_document())
    *session.around.out << "context " << edit.name << (is_new ? " made" : " changed") << (used ? " and used from now on" : "") << "\n";
  return {};
}

}  // namespace abide::ctl
