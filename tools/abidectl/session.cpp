#include "tools/abidectl/session.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <ostream>

namespace abide::ctl {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Characters that the API's filter takes inside quotes, and that its lists look for as they are.
bool can_be_filtered(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/' || c == ':' || c == ' ';
  });
}

// Text is compared in any case by these two, and whole, while = asks for what contains it.
std::string equals(const std::string& field, const std::string& name) {
  return "(" + field + ">=\"" + name + "\" AND " + field + "<=\"" + name + "\")";
}

// What may go by this name, so that not all hosts of a fleet are asked for. is_called() judges.
Query candidates(const Kind& kind, const std::string& name) {
  if (!kind.filters || !can_be_filtered(name)) return {};
  std::string filter = equals("name", name);
  if (kind.noun == "osprofile") filter += " OR " + equals("imageId", name);
  if (kind.noun == "host") filter += " OR uuid=\"" + lower(name) + "\"";
  return {{"filter", filter}};
}

// An operating system also goes by its version, as long as that names only one.
bool is_called(const Json& object, const std::string& name, bool second_choice) {
  if (second_choice) return text_at(object, "imageId") == name;
  if (text_at(object, "name") == name || text_at(object, "resourceId") == name) return true;
  const auto uuid = text_at(object, "uuid");
  return !uuid.empty() && lower(uuid) == lower(name);
}

// Whether the API takes this name in a path, and for nothing else.
bool fits_a_path(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name != "summary" && name.find('/') == std::string::npos;
}

Result<Json> none_goes_by(const Kind& kind, const std::string& name) {
  return fail(Code::not_found, "no " + kind.noun + " goes by \"" + name + "\"; `abidectl get " + kind.aliases.front() + "` lists them");
}

}  // namespace

Result<Json> find(Session& session, const Kind& kind, const std::string& name) {
  if (is_resource_id(kind, name)) {
    auto object = session.client.get(path_of(kind, name));
    if (object || object.error().code != Code::not_found) return object;
    return fail(Code::not_found, "there is no " + kind.noun + " " + name);
  }
  if (!kind.uuid_path.empty() && fits_a_path(name)) {
    auto object = session.client.get(kind.path + "/" + path_segment(name));
    // An instance's id would find its host, too.
    if (object && (kind.noun != "host" || goes_by(*object, name))) return object;
    if (object || object.error().code == Code::not_found) return none_goes_by(kind, name);
    if (object.error().code != Code::conflict) return object;  // that is: more than one goes by it
  }
  auto all = list_all(session, kind, candidates(kind, name));
  if (!all) return all;
  for (const bool second_choice : {false, true}) {
    std::vector<const Json*> found;
    for (const auto& object : *all) {
      if (is_called(object, name, second_choice)) found.push_back(&object);
    }
    if (found.size() == 1) return *found.front();
    if (found.size() > 1) {
      std::string message = std::to_string(found.size()) + " objects of kind " + kind.noun + " go by \"" + name + "\"; name one by its id:";
      for (const auto* object : found) {
        const auto uuid = text_at(*object, "uuid");
        message += "\n  " + text_at(*object, "resourceId") + "  " + text_at(*object, "name") + (uuid.empty() ? "" : "  " + uuid);
      }
      return fail(Code::denied, message);
    }
  }
  return none_goes_by(kind, name);
}

bool goes_by(const Json& object, const std::string& name) {
  return is_called(object, name, false) || is_called(object, name, true);
}

Result<void> visit_all(Session& session, const Kind& kind, const Query& query, const Client::Visit& visit) {
  if (!kind.uuid_path.empty()) return session.client.list_by_uuid(kind.path, kind.list_key, kind.uuid_path, query, visit);
  auto read = session.client.list(kind.path, kind.list_key, query, visit);
  if (!read || !kind.beside) return read;
  return session.client.list(kind.beside->path, kind.beside->list_key, query, visit);
}

Result<Json> list_all(Session& session, const Kind& kind, const Query& query) {
  Json all = Json::array();
  if (auto read = visit_all(session, kind, query, [&](Json&& object) { all.push_back(std::move(object)); }); !read)
    return fail(read.error());
  return all;
}

Result<Json> attempt(Session& session, const std::string& path, const Attempt& make) {
  for (int number = 0; number < attempts_max; ++number) {
    auto present = session.client.get(path);
    if (!present) return present;
    const auto tag = session.client.tag();
    auto answer = make(*present, tag);
    if (answer || answer.error().code != Code::conflict || !session.client.changed_meanwhile()) return answer;
  }
  return fail(Code::conflict, "it was changed by others each time that it was read; nothing was changed here");
}

Result<Json> change(Session& session, const std::string& path, const std::function<Result<Json>(const Json& present)>& body_of) {
  return attempt(session, path, [&](const Json& present, const std::string& tag) -> Result<Json> {
    auto body = body_of(present);
    if (!body) return body;
    return session.client.send("PATCH", path, *body, tag);
  });
}

void print_document(Session& session, const Json& document) {
  if (session.settings.output == Output::yaml) {
    *session.around.out << to_yaml(document);
  } else {
    *session.around.out << document.dump(2) << "\n";
  }
}

void print_table(Session& session, const Kind& kind, const Json& objects) {
  if (objects.empty()) {
    *session.around.err << "no " << kind.noun << " in project " << session.settings.project << "\n";
    return;
  }
  *session.around.out << to_text(table_of(kind, objects, session.reading()));
}

void print_done(Session& session, const Kind& kind, const Json& object, const std::string& done) {
  if (session.as_document()) return print_document(session, object);
  const auto id = text_at(object, "resourceId");
  const auto name = text_at(object, "name");
  *session.around.out << kind.noun << " " << (name.empty() ? id : name) << (id.empty() || name.empty() ? "" : " (" + id + ")") << " "
                      << done << "\n";
}

}  // namespace abide::ctl
