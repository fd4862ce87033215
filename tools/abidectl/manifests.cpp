#include "tools/abidectl/manifests.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <yaml-cpp/yaml.h>

#include "common/core/ids.hpp"
#include "tools/abidectl/commands.hpp"
#include "tools/abidectl/times.hpp"

namespace abide::ctl {

namespace {

constexpr int latitude_max = 90;
constexpr int longitude_max = 180;

enum class Sort {
  text,
  truth,
  size,        // a whole number, 0 or more
  texts,       // a list
  pairs_text,  // a map of texts, which the API wants as text: JSON
  pairs,       // a map of texts, which the API wants as a list of keys and values
  latitude,
  longitude,
  named,     // the name or id of another object
  own_word,  // read by the kind itself, below
};

struct Key {
  const char* key;     // in `spec`
  const char* member;  // of the API
  Sort sort = Sort::text;
  bool required = false;
  const char* of = nullptr;  // named: the noun
};

struct Form {
  const char* noun;
  std::vector<Key> keys;
  bool strict = true;  // false: keys that are not known are left out, with a note: release files have more than the API takes
};

const std::vector<Form>& forms() {
  static const std::vector<Form> all = {
      {"osprofile",
       {{"name", "name", Sort::text, true},
        {"type", "osType", Sort::text, true},
        {"provider", "osProvider", Sort::text, true},
        {"architecture", "architecture"},
        {"profileName", "profileName", Sort::text, true},
        {"osImageUrl", "imageUrl", Sort::text, true},
        {"osImageVersion", "imageId", Sort::text, true},
        {"osImageSha256", "sha256", Sort::text, true},
        {"osPackageManifestURL", "installedPackagesUrl"},
        {"osExistingCvesURL", "existingCvesUrl"},
        {"osFixedCvesURL", "fixedCvesUrl"},
        {"securityFeature", "securityFeature"},
        {"description", "description"},
        {"platformBundle", "platformBundle", Sort::pairs_text},
        {"metadata", "metadata", Sort::pairs_text},
        // Ours: without these the orchestrator cannot tell a node how much it is to fetch.
        {"osImageSize", "imageSizeBytes", Sort::size},
        {"osRawSize", "rawSizeBytes", Sort::size},
        {"osRawSha256", "rawSha256"}},
       false},
      // What mutable systems would need is passed on, so that the server's own refusal is what people read.
      {"osupdatepolicy",
       {{"name", "name", Sort::text, true},
        {"description", "description"},
        {"updatePolicy", "updatePolicy", Sort::own_word, true},
        {"targetOs", "targetOsId", Sort::named, false, "osprofile"},
        {"allowDowngrade", "allowDowngrade", Sort::truth},
        {"allowProfileChange", "allowProfileChange", Sort::truth},
        {"updatePackages", "updatePackages"},
        {"updateKernelCommand", "updateKernelCommand"},
        {"updateSources", "updateSources", Sort::texts}}},
      {"region",
       {{"name", "name", Sort::text, true}, {"parent", "parentId", Sort::named, false, "region"}, {"metadata", "metadata", Sort::pairs}}},
      {"site",
       {{"name", "name", Sort::text, true},
        {"region", "regionId", Sort::named, false, "region"},
        {"latitude", "siteLat", Sort::latitude},
        {"longitude", "siteLng", Sort::longitude},
        {"metadata", "metadata", Sort::pairs}}},
      {"host",
       {{"name", "name", Sort::text, true},
        {"uuid", "uuid", Sort::own_word, true},
        {"site", "siteId", Sort::named, false, "site"},
        {"metadata", "metadata", Sort::pairs}}},
      {"schedule",
       {{"name", "name", Sort::text, true},
        {"type", "", Sort::own_word, true},
        {"start", "", Sort::own_word},
        {"end", "", Sort::own_word},
        {"cron", "", Sort::own_word},
        {"duration", "", Sort::own_word},
        {"zone", "", Sort::own_word},
        {"host", "targetHostId", Sort::named, false, "host"},
        {"site", "targetSiteId", Sort::named, false, "site"},
        {"region", "targetRegionId", Sort::named, false, "region"}}}};
  return all;
}

const Form* form_of(const Kind& kind) {
  for (const auto& form : forms())
    if (kind.noun == form.noun) return &form;
  return nullptr;
}

std::string nouns() {
  std::string text;
  for (const auto& form : forms()) text += (text.empty() ? "" : ", ") + std::string(form.noun);
  return text;
}

// One document as it is read.
class Reader {
 public:
  Reader(const std::string& source, std::int64_t now_ms, std::vector<std::string>& notes)
      : source_(source), now_ms_(now_ms), notes_(notes) {}

  Result<Manifest> read(const YAML::Node& document, const Kind* wanted) {
    if (!document.IsMap()) return wrong(document, "is no map: a document has \"spec\", and \"kind\"");
    for (const auto& pair : document) {
      const auto key = pair.first.IsScalar() ? pair.first.Scalar() : std::string();
      static const std::set<std::string> known = {"appVersion", "apiVersion", "kind", "metadata", "spec"};
      if (known.count(key) == 0) return wrong(pair.first, "\"" + key + "\" is unknown here: there are appVersion, kind, metadata and spec");
      if (!keys_.insert(key).second) return wrong(pair.first, "\"" + key + "\" comes twice");
    }
    keys_.clear();
    const auto spec = document["spec"];
    if (!spec || !spec.IsMap()) return wrong(spec ? spec : document, "there is no map \"spec\"");
    auto kind = kind_of_document(document, spec, wanted);
    if (!kind) return fail(kind.error());
    const Form* form = form_of(**kind);
    if (form == nullptr) return wrong(spec, "a " + (*kind)->noun + " cannot be made from a file; there are " + nouns());
    manifest_.kind = *kind;
    manifest_.path = (*kind)->path;
    manifest_.where = where(spec);
    manifest_.body = Json::object();
    for (const auto& pair : spec)
      if (auto read = read_key(*form, pair.first, pair.second); !read) return fail(read.error());
    for (const auto& key : form->keys)
      if (key.required && keys_.count(key.key) == 0) return wrong(spec, "spec." + std::string(key.key) + " is missing");
    if ((*kind)->noun == "schedule")
      if (auto read = finish_schedule(spec); !read) return fail(read.error());
    manifest_.name = text_at(manifest_.body, "name");
    return std::move(manifest_);
  }

 private:
  std::string where(const YAML::Node& node) const {
    // Nodes of nothing have no place.
    const auto line = node.Mark().line;
    return line < 0 ? source_ : source_ + ":" + std::to_string(line + 1);
  }
  Unexpected wrong(const YAML::Node& node, const std::string& what) const { return fail(Code::invalid_input, where(node) + ": " + what); }

  Result<const Kind*> kind_of_document(const YAML::Node& document, const YAML::Node& spec, const Kind* wanted) const {
    if (const auto said = document["kind"]; said) {
      const auto word = said.IsScalar() ? said.Scalar() : std::string();
      const Kind* kind = kind_called(word);
      if (kind == nullptr) return wrong(said, "kind \"" + word + "\" is unknown; there are " + nouns());
      if (wanted != nullptr && kind != wanted) return wrong(said, "is a " + kind->noun + ", not a " + wanted->noun);
      return kind;
    }
    if (wanted != nullptr) return wanted;
    // Files of the platform's own tools do not say what they are.
    if (spec["updatePolicy"]) return &kind_of("osupdatepolicy");
    if (spec["osImageUrl"]) return &kind_of("osprofile");
    return wrong(document, "what is it? Give \"kind\", one of " + nouns() + ", or name it: abidectl create NOUN -f FILE");
  }

  Result<void> read_key(const Form& form, const YAML::Node& name, const YAML::Node& value) {
    const auto key = name.IsScalar() ? name.Scalar() : std::string();
    const auto found = std::find_if(form.keys.begin(), form.keys.end(), [&](const Key& one) { return key == one.key; });
    if (found == form.keys.end()) {
      if (form.strict) return wrong(name, "spec." + key + " is unknown; a " + form.noun + " has " + known(form));
      notes_.push_back(where(name) + ": spec." + key + " is left out: the API has nothing for it");
      return {};
    }
    if (keys_.count(key) != 0) return wrong(name, "spec." + key + " comes twice");
    const bool empty = value.IsNull() || (value.IsScalar() && value.Scalar().empty());
    if (empty) return {};  // as if it were not there
    keys_.insert(key);
    return read_value(*found, value);
  }

  static std::string known(const Form& form) {
    std::string text;
    for (const auto& key : form.keys) text += (text.empty() ? "" : ", ") + std::string(key.key);
    return text;
  }

  Result<std::string> scalar(const Key& key, const YAML::Node& value) const {
    if (!value.IsScalar()) return wrong(value, "spec." + std::string(key.key) + " is one value, no list and no map");
    return value.Scalar();
  }

  // A map of texts as pairs.
  Result<std::vector<std::pair<std::string, std::string>>> map(const Key& key, const YAML::Node& value) const {
    std::vector<std::pair<std::string, std::string>> pairs;
    if (!value.IsMap()) return wrong(value, "spec." + std::string(key.key) + " is a map of texts");
    for (const auto& pair : value) {
      if (!pair.first.IsScalar() || !(pair.second.IsScalar() || pair.second.IsNull()))
        return wrong(pair.first, "spec." + std::string(key.key) + " is a map of texts");
      pairs.emplace_back(pair.first.Scalar(), pair.second.IsNull() ? std::string() : pair.second.Scalar());
    }
    return pairs;
  }

  Result<void> read_value(const Key& key, const YAML::Node& value) {
    Json& body = manifest_.body;
    if (key.sort == Sort::texts) return read_texts(key, value);
    if (key.sort == Sort::pairs || (key.sort == Sort::pairs_text && value.IsMap())) {
      auto pairs = map(key, value);
      if (!pairs) return fail(pairs.error());
      Json list = Json::array();
      Json object = Json::object();
      for (auto& [name, text] : *pairs) {
        object[name] = text;
        list.push_back({{"key", name}, {"value", text}});
      }
      if (key.sort == Sort::pairs_text) {
        body[key.member] = object.dump();
      } else {
        body[key.member] = std::move(list);
      }
      return {};
    }
    const auto text = scalar(key, value);
    if (!text) return fail(text.error());
    const auto misread = [&](const Error& error) { return wrong(value, "spec." + std::string(key.key) + ": " + error.message); };
    switch (key.sort) {
      case Sort::text:
      case Sort::pairs_text:
        body[key.member] = *text;
        return {};
      case Sort::truth:
        if (*text != "true" && *text != "false")
          return wrong(value, "spec." + std::string(key.key) + " is true or false, not \"" + *text + "\"");
        body[key.member] = *text == "true";
        return {};
      case Sort::size: {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
        if (error != std::errc{} || end != text->data() + text->size() || number < 0)
          return wrong(value, "spec." + std::string(key.key) + " is a whole number, not \"" + *text + "\"");
        body[key.member] = number;
        return {};
      }
      case Sort::latitude:
      case Sort::longitude: {
        const auto e7 = parse_degrees_e7(*text, key.sort == Sort::latitude ? latitude_max : longitude_max);
        if (!e7) return misread(e7.error());
        body[key.member] = *e7;
        return {};
      }
      case Sort::named:
        manifest_.names.push_back({key.member, &kind_of(key.of), *text, where(value)});
        return {};
      case Sort::own_word:
        return read_own(key, value, *text);
      case Sort::texts:
      case Sort::pairs:
        break;
    }
    return {};
  }

  Result<void> read_texts(const Key& key, const YAML::Node& value) {
    if (!value.IsSequence()) return wrong(value, "spec." + std::string(key.key) + " is a list of texts");
    Json list = Json::array();
    for (const auto& one : value) {
      if (!one.IsScalar()) return wrong(one, "spec." + std::string(key.key) + " is a list of texts");
      list.push_back(one.Scalar());
    }
    manifest_.body[key.member] = std::move(list);
    return {};
  }

  Result<void> read_own(const Key& key, const YAML::Node& value, const std::string& text) {
    const std::string name = key.key;
    if (name == "updatePolicy") {
      if (text != "UPDATE_POLICY_LATEST" && text != "UPDATE_POLICY_TARGET")
        return wrong(value, "spec.updatePolicy is UPDATE_POLICY_LATEST or UPDATE_POLICY_TARGET, not \"" + text + "\"");
      manifest_.body[key.member] = text;
    } else if (name == "uuid") {
      const auto node = parse_node_id(text);
      if (!node) return wrong(value, "spec.uuid: " + node.error().message);
      manifest_.body[key.member] = to_string(*node);
    } else {
      schedule_words_[name] = text;
      word_nodes_[name] = value;
    }
    return {};
  }

  Result<void> finish_schedule(const YAML::Node& spec) {
    auto& words = schedule_words_;
    NewSchedule schedule;
    schedule.name = text_at(manifest_.body, "name");
    schedule.type = words["type"];
    schedule.start = words["start"];
    schedule.end = words["end"];
    schedule.cron = words["cron"];
    schedule.duration = words["duration"];
    schedule.zone = words["zone"];
    auto body = schedule_body(schedule, now_ms_);
    if (!body) {
      // The message begins with the key.
      const auto& message = body.error().message;
      const auto at = word_nodes_.find(message.substr(0, message.find(':')));
      return wrong(at == word_nodes_.end() ? spec : at->second, "spec." + message);
    }
    if (manifest_.names.size() != 1) return wrong(spec, "a schedule is of one of host, site and region");
    if (!schedule.cron.empty()) manifest_.path = manifest_.kind->beside->path;
    manifest_.body = std::move(*body);
    return {};
  }

  const std::string& source_;
  std::int64_t now_ms_;
  std::vector<std::string>& notes_;
  Manifest manifest_;
  std::set<std::string> keys_;  // of `spec`, that have a value
  std::map<std::string, std::string> schedule_words_;
  std::map<std::string, YAML::Node> word_nodes_;
};

int rank(const Manifest& manifest) {
  static const std::array<const char*, 6> order = {"osprofile", "osupdatepolicy", "region", "site", "host", "schedule"};
  return static_cast<int>(std::find(order.begin(), order.end(), manifest.kind->noun) - order.begin());
}

}  // namespace

Result<std::vector<Manifest>> read_manifests(const std::string& source, const std::string& text, const Kind* kind, std::int64_t now_ms,
                                             std::vector<std::string>& notes) {
  std::vector<Manifest> manifests;
  try {
    for (const auto& document : YAML::LoadAll(text)) {
      if (document.IsNull()) continue;  // behind the last "---"
      Reader reader(source, now_ms, notes);
      auto manifest = reader.read(document, kind);
      if (!manifest) return fail(manifest.error());
      manifests.push_back(std::move(*manifest));
      if (manifests.size() > documents_max)
        return fail(Code::invalid_input, source + ": has more than " + std::to_string(documents_max) + " documents");
    }
  } catch (const YAML::Exception& wrong) {
    return fail(Code::invalid_input, source + (wrong.mark.is_null() ? "" : ":" + std::to_string(wrong.mark.line + 1)) + ": " + wrong.msg);
  }
  if (manifests.empty()) return fail(Code::invalid_input, source + ": there is no document in it");
  return manifests;
}

Result<std::vector<Manifest>> in_order_of_making(std::vector<Manifest> manifests) {
  std::stable_sort(manifests.begin(), manifests.end(),
                   [](const Manifest& left, const Manifest& right) { return rank(left) < rank(right); });
  // Of the regions always the next one whose outer region is no longer to come.
  const auto is_region = [](const Manifest& one) { return one.kind->noun == "region"; };
  const auto begin = std::find_if(manifests.begin(), manifests.end(), is_region);
  const auto end = std::find_if_not(begin, manifests.end(), is_region);
  for (auto at = begin; at != end; ++at) {
    const auto waits = [&](const Manifest& one) {
      return std::any_of(one.names.begin(), one.names.end(), [&](const NamedMember& outer) {
        return std::any_of(at, end, [&](const Manifest& other) { return other.name == outer.name; });
      });
    };
    const auto next = std::find_if_not(at, end, waits);
    if (next == end) return fail(Code::invalid_input, at->where + ": region " + at->name + " lies in itself");
    std::rotate(at, next, next + 1);
  }
  return manifests;
}

}  // namespace abide::ctl
