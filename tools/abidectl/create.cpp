// abidectl create osupdatepolicy, edit osupdatepolicy, create -f.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/manifests.hpp"

namespace abide::ctl {

// One byte more than is allowed is enough to know that it is too large.
Result<std::string> read_file(Session& session, const std::string& path, std::size_t bytes_max) {
  std::ifstream file;
  std::istream* in = session.around.in;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return fail(Code::invalid_input, path + ": cannot be read");
    in = &file;
  }
  std::string text(bytes_max + 1, '\0');
  in->read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in->gcount()));
  if (in->bad()) return fail(Code::invalid_input, path + ": cannot be read");
  if (text.size() > bytes_max) return fail(Code::invalid_input, path + ": is larger than " + std::to_string(bytes_max >> 20U) + " MiB");
  return text;
}

namespace {

// The YAML files of a folder, by name; a file itself.
Result<std::vector<std::string>> files_at(const std::string& path) {
  std::error_code error;
  if (path == "-" || !std::filesystem::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (auto at = std::filesystem::directory_iterator(path, error); !error && at != std::filesystem::directory_iterator();
       at.increment(error)) {
    const auto extension = at->path().extension();
    if (extension == ".yaml" || extension == ".yml") files.push_back(at->path().string());
    if (files.size() > manifest_files_max)
      return fail(Code::invalid_input, path + ": has more than " + std::to_string(manifest_files_max) + " files");
  }
  if (error) return fail(Code::invalid_input, path + ": " + error.message());
  if (files.empty()) return fail(Code::invalid_input, path + ": there is no .yaml file in it");
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<Manifest>> read_all(Session& session, const std::vector<std::string>& paths, const Kind* kind) {
  std::vector<Manifest> all;
  std::vector<std::string> notes;
  for (const auto& path : paths) {
    auto files = files_at(path);
    if (!files) return fail(files.error());
    for (const auto& file : *files) {
      auto text = read_file(session, file, manifest_bytes_max);
      if (!text) return fail(text.error());
      auto manifests = read_manifests(file == "-" ? "standard input" : file, *text, kind, session.around.now_ms(), notes);
      if (!manifests) return fail(manifests.error());
      for (auto& manifest : *manifests) all.push_back(std::move(manifest));
    }
  }
  if (all.size() > documents_max) return fail(Code::invalid_input, "more than " + std::to_string(documents_max) + " documents in all");
  for (const auto& note : notes) *session.around.err << note << "\n";
  return in_order_of_making(std::move(all));
}

Result<Json> make(Session& session, const Manifest& manifest) {
  Json body = manifest.body;
  for (const auto& named : manifest.names) {
    auto found = find(session, *named.kind, named.name);
    if (!found) return fail(found.error().in(named.where));
    body[named.member] = text_at(*found, "resourceId");
  }
  auto made = session.client.send("POST", manifest.path, body);
  if (!made) return fail(made.error().in(manifest.where + ": " + manifest.kind->noun + " " + manifest.name));
  return made;
}

}  // namespace

Result<void> create_policy(Session& session, const NewPolicy& policy) {
  const Kind& kind = kind_of("osupdatepolicy");
  Json body = {{"name", policy.name}};
  if (!policy.description.empty()) body["description"] = policy.description;
  if (policy.latest) {
    body["updatePolicy"] = "UPDATE_POLICY_LATEST";
  } else {
    auto os = find(session, kind_of("osprofile"), policy.target);
    if (!os) return fail(os.error());
    body["updatePolicy"] = "UPDATE_POLICY_TARGET";
    body["targetOsId"] = text_at(*os, "resourceId");
  }
  if (policy.allow_downgrade) body["allowDowngrade"] = true;
  if (policy.allow_profile_change) body["allowProfileChange"] = true;
  auto made = session.client.send("POST", kind.path, body);
  if (!made) return fail(made.error());
  print_done(session, kind, *made, "created");
  return {};
}

Result<void> edit_policy(Session& session, const PolicyEdit& edit) {
  if (!edit.new_name && !edit.description)
    return fail(Code::invalid_input, "nothing to edit: give --name or --description; for another image make another policy");
  const Kind& kind = kind_of("osupdatepolicy");
  auto found = find(session, kind, edit.name);
  if (!found) return fail(found.error());
  Json body = Json::object();
  if (edit.new_name) body["name"] = *edit.new_name;
  if (edit.description) body["description"] = *edit.description;
  auto changed = change(session, path_of(kind, text_at(*found, "resourceId")), [&](const Json&) -> Result<Json> { return body; });
  if (!changed) return fail(changed.error());
  print_done(session, kind, *changed, "changed");
  return {};
}

Result<void> create_from_files(Session& session, const std::vector<std::string>& paths, const Kind* kind) {
  const auto all = read_all(session, paths, kind);
  if (!all) return fail(all.error());
  Json made_all = Json::array();
  for (const auto& manifest : *all) {
    auto made = make(session, manifest);
    if (!made) {
      if (session.as_document() && !made_all.empty()) print_document(session, made_all);
      auto error = made.error();
      if (all->size() > 1)
        error.message += "\n" + std::to_string(made_all.size()) + " of " + std::to_string(all->size()) +
                         " documents are made, nothing behind this one: take those out, or delete them, before it is tried again";
      return fail(std::move(error));
    }
    if (!session.as_document()) print_done(session, *manifest.kind, *made, manifest.kind->noun == "host" ? "registered" : "created");
    made_all.push_back(std::move(*made));
  }
  if (session.as_document()) print_document(session, made_all.size() == 1 ? made_all.front() : made_all);
  return {};
}

}  // namespace abide::ctl
