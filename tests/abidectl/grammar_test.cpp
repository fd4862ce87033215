// Arguments, settings and exit codes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/abidectl/calls.hpp"
#include "tests/abidectl/small_server.hpp"

namespace abide::ctl {
namespace {

using Words = std::vector<std::string>;

const std::map<std::string, std::string> nowhere = {{"ABIDE_SERVER", "http://127.0.0.1:9"}, {"ABIDE_PROJECT", "demo"}};

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

TEST(AbidectlGrammar, SaysWhichWordItDoesNotKnowAndWhichItWould) {
  EXPECT_NE(call({"get", "unicorns"}, nowhere).err.find("`abidectl get` has no \"unicorns\": it takes host, "), std::string::npos);
  EXPECT_NE(call({"--project", "demo", "fly"}, nowhere).err.find("`abidectl` has no \"fly\": it takes get, "), std::string::npos);
  EXPECT_NE(call({"get"}, nowhere).err.find("`abidectl get` is not a whole command: it takes host, "), std::string::npos);
  EXPECT_NE(call({"get", "hosts", "--fly"}, nowhere).err.find("--fly"), std::string::npos);
}

TEST(AbidectlGrammar, WrongUsageEndsWithTwoBeforeAnythingIsAsked) {
  const Words table[] = {
      {},
      {"fly"},
      {"get"},
      {"get", "unicorns"},
      {"get", "hosts", "--output", "xml"},
      {"get", "hosts", "--no-such-flag"},
      {"describe", "host"},
      {"create", "osupdatepolicy"},
      {"create", "osupdatepolicy", "p"},
      {"create", "osupdatepolicy", "p", "--latest", "--target", "x"},
      {"create", "osupdatepolicy", "p", "--latest", "--allow-downgrade"},
      {"create", "osupdatepolicy", "p", "-f", "file.yaml"},
      {"create", "osupdatepolicy", "-f", "/no/such/file"},
      {"create", "osprofile"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate"},
      {"create", "schedule", "s", "--host", "h", "--type", "lunch", "--start", "now"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--start", "soon"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--start", "+1h", "--end", "+30m"},
      {"create", "host", "h", "--uuid", "123"},
      {"create"},
      {"create", "-f"},
      {"create", "-f", "/no/such/folder"},
      {"create", "site"},
      {"create", "site", "s", "--latitude", "north"},
      {"create", "site", "s", "-f", "file.yaml"},
      {"create", "host", "h"},
      {"create", "osprofile", "-f", "/no/such/file"},
      {"create", "schedule", "s", "--host", "h", "--site", "s", "--type", "osupdate", "--start", "now"},
      {"create", "schedule", "s", "--type", "osupdate", "--start", "now"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--start", "now", "--end", "+1h", "--duration", "1h"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--start", "now", "--zone", "Europe/Berlin"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--cron", "0 3 * * *"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--cron", "0 3 * * *", "--duration", "25h"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--cron", "0 3 31 2 *", "--duration", "1h"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--cron", "0 3 * * *", "--duration", "1h", "--zone", "Mars/Base"},
      {"create", "schedule", "s", "--host", "h", "--type", "osupdate", "--cron", "0 3 * * *", "--start", "now"},
      {"edit", "policy", "p"},
      {"edit", "site", "s"},
      {"edit", "region", "r"},
      {"edit", "host", "h"},
      {"get", "hosts", "--site", "s", "--region", "r"},
      {"get", "regions", "--tree", "--watch"},
      {"update-os"},
      {"update-os", "host"},
      {"update-os", "host", "h", "--site", "s"},
      {"update-os", "--site", "s", "--region", "r"},
      {"update-os", "--site", "s", "--now", "--at", "+1h"},
      {"update-os", "--site", "s", "--at", "2020-01-01T00:00:00Z"},
      {"update-os", "--site", "s", "--now", "--for", "long"},
      {"update-os", "--site", "s", "--dry-run", "--yes"},
      {"update-os", "--site", "s", "--for", "2h"},
      {"completion"},
      {"completion", "tcsh"},
      {"config"},
      {"config", "set-context", "lab"},
      {"edit", "schedule", "s"},
      {"link", "policy", "p"},
      {"link", "policy", "--host", "h"},
      {"link", "policy", "p", "--host", "h", "--all"},
      {"unlink", "policy"},
      {"pause", "host"},
      {"resolve", "host", "h"},
      {"resolve", "host", "h", "--journal", "xyz"},
      {"delete", "instance", "i"},
      {"delete", "source", "s"},
      {"describe", "event", "x"},
      {"describe", "event", "0"},
      {"get", "events", "--limit", "0"},
      {"next"},
      {"next", "schedule"},
      {"next", "host", "0 2 * * *"},
      {"next", "schedule", "0 2 * *"},
      {"next", "schedule", "0 2 * * * *"},
      {"next", "schedule", "0", "2", "*", "*", "*"},
      {"next", "schedule", "60 2 * * *"},
      {"next", "schedule", "0 2 31 2 *"},
      {"next", "schedule", "0 2 * * *", "--zone", "Mars/Base"},
      {"next", "schedule", "0 2 * * *", "--after", "soon"},
      {"next", "schedule", "0 2 * * *", "-n", "0"},
      {"next", "schedule", "0 2 * * *", "-n", "1001"},
      {"next", "schedule", "0 2 * * *", "-n", "x"},
  };
  for (const auto& words : table) {
    const auto called = call(words, nowhere);
    EXPECT_EQ(called.code, 2) << joined(words) << "\n" << called.err;
    EXPECT_NE(called.err, "") << joined(words);
    EXPECT_EQ(called.out, "") << joined(words);
  }
}

TEST(AbidectlGrammar, AServerThatDoesNotAnswerEndsWithFour) {
  const Words table[] = {
      {"get", "hosts"},
      {"get", "events"},
      {"get", "events", "--watch"},
      {"watch", "hosts"},
      {"describe", "host", "h"},
      {"pause", "host", "h"},
      {"pause", "hosts", "--all"},
      {"explain", "host", "h"},
      {"refresh", "sources"},
      {"refresh"},
      {"list", "hosts"},
      {"explain", "instance", "i"},
      {"describe", "event", "7"},
      {"delete", "host", "h"},
      {"delete", "os", "os-1"},
      {"link", "policy", "p", "--host", "h"},
      {"get", "regions", "--tree"},
      {"edit", "site", "s", "--name", "x"},
      {"create", "region", "r"},
      {"update-os", "--site", "s", "--now", "--dry-run"},
  };
  for (const auto& words : table) {
    const auto called = call(words, nowhere);
    EXPECT_EQ(called.code, 4) << joined(words) << "\n" << called.err;
    EXPECT_NE(called.err.find("http://127.0.0.1:9"), std::string::npos) << called.err;
  }
}

TEST(AbidectlGrammar, AMissingServerOrProjectSaysEveryWayToGiveIt) {
  const auto no_server = call({"get", "hosts"});
  EXPECT_EQ(no_server.code, 2);
  EXPECT_NE(no_server.err.find("--server, ABIDE_SERVER"), std::string::npos) << no_server.err;
  const auto no_project = call({"get", "hosts", "--server", "http://127.0.0.1:9"});
  EXPECT_EQ(no_project.code, 2);
  EXPECT_NE(no_project.err.find("--project, ABIDE_PROJECT"), std::string::npos) << no_project.err;
}

TEST(AbidectlGrammar, AnswersBecomeExitCodesAndTheServersWords) {
  const std::pair<int, int> table[] = {{400, 1}, {403, 1}, {404, 3}, {409, 5}, {500, 1}, {501, 1}, {503, 4}, {504, 4}};
  for (const auto& [status, code] : table) {
    const SmallServer server([status = status](const SmallRequest&) {
      return SmallAnswer{status, R"({"code":"X","message":"because of the rain"})"};
    });
    const auto called = call({"get", "hosts", "--server", server.url(), "--project", "demo"});
    EXPECT_EQ(called.code, code) << status;
    EXPECT_EQ(called.err, "abidectl: because of the rain\n") << status;
  }
}

TEST(AbidectlGrammar, WhatCannotBeAsThingsStandIsAConflict) {
  const SmallServer server([](const SmallRequest&) { return SmallAnswer{400, R"({"code":"FailedPrecondition","message":"not now"})"}; });
  EXPECT_EQ(call({"get", "hosts", "--server", server.url(), "--project", "demo"}).code, 5);
}

TEST(AbidectlGrammar, AnAnswerThatIsNotJsonIsARefusalAndNamesTheAddress) {
  const SmallServer server([](const SmallRequest&) { return SmallAnswer{200, "<html>", "text/html"}; });
  const auto called = call({"get", "hosts", "--server", server.url(), "--project", "demo"});
  EXPECT_EQ(called.code, 1);
  EXPECT_NE(called.err.find(server.url()), std::string::npos);
}

TEST(AbidectlGrammar, FlagsGoBeforeTheEnvironmentAndThatBeforeTheContext) {
  const auto config = std::filesystem::temp_directory_path() / ("abidectl-" + std::to_string(::getpid()) + ".toml");
  const SmallServer server([](const SmallRequest&) { return SmallAnswer{200, R"({"hosts":[],"totalElements":0,"hasNext":false})"}; });
  std::ofstream(config) << "context = \"lab\"\n[contexts.lab]\nserver = \"" << server.url()
                        << "\"\nproject = \"from-file\"\noutput = \"json\"\n"
                        << "[contexts.other]\nserver = \"" << server.url() << "\"\nproject = \"other one\"\n";
  const std::map<std::string, std::string> by_file = {{"ABIDE_CONFIG", config.string()}};
  EXPECT_EQ(call({"get", "hosts"}, by_file).out, "[]\n");
  auto by_variable = by_file;
  by_variable["ABIDE_PROJECT"] = "from-variable";
  (void)call({"get", "hosts"}, by_variable);
  (void)call({"get", "hosts", "--project", "from-flag"}, by_variable);
  (void)call({"get", "hosts", "--context", "other"}, by_file);
  std::vector<std::string> asked;
  for (const auto& request : server.requests()) asked.push_back(request.target.substr(0, request.target.find('?')));
  EXPECT_EQ(asked, (std::vector<std::string>{"/v1/projects/from-file/compute/hosts", "/v1/projects/from-variable/compute/hosts",
                                             "/v1/projects/from-flag/compute/hosts", "/v1/projects/other%20one/compute/hosts"}));
  const auto unknown = call({"get", "hosts", "--context", "moon"}, by_file);
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("contexts.moon"), std::string::npos);
  std::ofstream(config) << "context = \n";
  EXPECT_EQ(call({"get", "hosts"}, by_file).code, 2);
  std::filesystem::remove(config);
  EXPECT_EQ(call({"get", "hosts"}, by_file).code, 2);
}

TEST(AbidectlContexts, AreMadeChosenAndListedAndLeaveTheRestOfAPersonsFileAlone) {
  const auto folder = std::filesystem::temp_directory_path() / ("abidectl-contexts-" + std::to_string(::getpid()));
  const auto path = folder / "deep" / "config.toml";
  const std::map<std::string, std::string> at = {{"ABIDE_CONFIG", path.string()}};
  const auto text = [&] {
    std::ifstream in(path);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
  };
  EXPECT_EQ(call({"config", "get-contexts"}, at).code, 0);
  EXPECT_EQ(call({"config", "use-context", "lab"}, at).code, 3);
  EXPECT_EQ(call({"config", "set-context", "lab", "--server", "http://127.0.0.1:8080", "--project", "demo"}, at).out,
            "context lab made and used from now on\n");
  EXPECT_EQ(text(), "context = \"lab\"\n[contexts.lab]\nserver = \"http://127.0.0.1:8080\"\nproject = \"demo\"\n");
  std::ofstream(path, std::ios::app) << "# by hand\n[other]\ncontext = \"x\"\n";
  EXPECT_EQ(call({"config", "set-context", "my plant", "--project", "a \"b\"", "-o", "wide"}, at).code, 0);
  EXPECT_EQ(call({"config", "set-context", "lab", "--project", "new"}, at).code, 0);
  EXPECT_EQ(call({"config", "use-context", "my plant"}, at).code, 0);
  EXPECT_EQ(text(),
            "context = \"my plant\"\n[contexts.lab]\nserver = \"http://127.0.0.1:8080\"\nproject = \"new\"\n# by hand\n[other]\n"
            "context = \"x\"\n\n[contexts.\"my plant\"]\nproject = \"a \\\"b\\\"\"\noutput = \"wide\"\n");
  EXPECT_EQ(call({"config", "get-contexts"}, at).out,
            "CURRENT  NAME      SERVER                 PROJECT  OUTPUT\n"
            "         lab       http://127.0.0.1:8080  new      -\n"
            "*        my plant  -                      a \"b\"    wide\n");
  EXPECT_EQ(call({"config", "set-context", "lab", "-o", "xml"}, at).code, 2);
  // Written in a way that lines do not show: it says so, and stays.
  const std::string inline_tables = "contexts = { lab = { server = \"x\" } }\n";
  std::ofstream(path) << inline_tables;
  EXPECT_EQ(call({"config", "set-context", "lab", "--server", "y"}, at).code, 1);
  EXPECT_EQ(text(), inline_tables);
  std::ofstream(path) << "context = \n";
  EXPECT_EQ(call({"config", "set-context", "lab", "--server", "y"}, at).code, 2);
  std::filesystem::remove_all(folder);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(AbidectlCompletion, KnowsVerbsNounsFlagsAndTheNamesThatTheServerHas) {
  const SmallServer server([](const SmallRequest& request) {
    if (request.target.find("/compute/hosts?") != std::string::npos)
      return SmallAnswer{200,
                         R"({"hosts":[{"resourceId":"host-00000001","name":"edge-1"},{"resourceId":"host-00000002","name":"press 7"}]})"};
    if (request.target.find("/os-update-policies?") != std::string::npos)
      return SmallAnswer{200, R"({"osUpdatePolicies":[{"name":"newest"}]})"};
    return SmallAnswer{404, "{}"};
  });
  const std::map<std::string, std::string> there = {{"ABIDE_SERVER", server.url()}, {"ABIDE_PROJECT", "demo"}};
  const auto completed = [&](Words words) {
    words.insert(words.begin(), "__complete");
    const auto called = call(words, there);
    EXPECT_EQ(called.code, 0);
    EXPECT_EQ(called.err, "");
    return lines_of(called.out);
  };
  const std::pair<Words, Words> table[] = {
      {{"des"}, {"describe"}},
      {{"unl"}, {"unlink"}},
      {{"explain", ""}, {"host", "hosts", "instance", "instances"}},
      {{"link", "pol"}, {"policy", "policies"}},
      {{"describe", "host", ""}, {"edge-1", "press 7"}},
      {{"describe", "host", "ed"}, {"edge-1"}},
      {{"describe", "hosts", "host-"}, {"host-00000001", "host-00000002"}},
      {{"describe", "host", "\"press"}, {"press 7"}},
      {{"pause", "host", "edge-1", "p"}, {"press 7"}},
      {{"describe", "host", "edge-1", ""}, {}},
      {{"link", "policy", ""}, {"newest"}},
      {{"link", "policy", "newest", "--host", "e"}, {"edge-1"}},
      {{"link", "policy", "newest", "--host=e"}, {"--host=edge-1"}},
      {{"link", "policy", "newest", "--ho"}, {"--host"}},
      {{"update-os", "--policy", ""}, {"newest"}},
      {{"get", "hosts", "-o", "w"}, {"wide"}},
      {{"--output", "j"}, {"json"}},
      {{"create", "schedule", "s", "--type", "b"}, {"blackout"}},
      {{"create", "schedule", "s", "--target", "s"}, {"site:"}},
      {{"create", "schedule", "s", "--frequency-type", ""}, {"single", "repeated"}},
      {{"update-os", "host", "--osupdatepolicy", ""}, {"newest"}},
      {{"set", "host", "ed"}, {"edge-1"}},
      {{"create", "host", ""}, {}},
      {{"get", "site", ""}, {}},  // refused by the server: nothing, and no error
      {{"completion", "z"}, {"zsh"}},
      {{"no", "such", "words"}, {}},
  };
  for (const auto& [words, expected] : table) EXPECT_EQ(completed(words), expected) << joined(words);
  const auto none = call({"__complete", "describe", "host", ""});
  EXPECT_EQ(none.out + none.err, "");
  for (const char* shell : {"bash", "zsh", "fish"})
    EXPECT_NE(call({"completion", shell}).out.find("__complete"), std::string::npos) << shell;
}

// ---- help --------------------------------------------------------------------------------------------------------------

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// The subcommands that a help text lists.
std::vector<std::string> subcommands_of(const std::string& help) {
  std::vector<std::string> found;
  std::istringstream in(help);
  bool listing = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "Subcommands:") {
      listing = true;
    } else if (listing && line.size() > 2 && line.compare(0, 2, "  ") == 0 && line[2] != ' ') {
      auto name = words_of(line).front();
      if (name.back() == ',') name.pop_back();
      found.push_back(name);
    } else if (listing && line.empty()) {
      break;
    }
  }
  return found;
}

// Set ABIDE_WRITE_GOLDEN to write what is expected anew; read the difference before it is committed.
void expect_golden(const std::string& name, const std::string& text) {
  const auto path = std::filesystem::path(ABIDECTL_GOLDEN) / (name + ".txt");
  if (std::getenv("ABIDE_WRITE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::stringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

TEST(AbidectlHelp, IsAsWrittenForEverySubcommandAndHasExamples) {
  const auto top = call({"--help"});
  EXPECT_EQ(top.code, 0);
  expect_golden("abidectl", top.out);
  const auto verbs = subcommands_of(top.out);
  EXPECT_EQ(verbs.size(), 20U);
  for (const auto& verb : verbs) {
    const auto of_verb = call({verb, "--help"});
    EXPECT_EQ(of_verb.code, 0);
    std::string all = of_verb.out;
    EXPECT_NE(of_verb.out.find("Examples:"), std::string::npos) << verb;
    const auto nouns = subcommands_of(of_verb.out);
    EXPECT_FALSE(nouns.empty()) << verb;
    for (const auto& noun : nouns) {
      const auto of_noun = call({verb, noun, "--help"});
      EXPECT_EQ(of_noun.code, 0) << verb << " " << noun;
      EXPECT_NE(of_noun.out.find("Examples:"), std::string::npos) << verb << " " << noun;
      all += "\n---- abidectl " + verb + " " + noun + " --help\n" + of_noun.out;
    }
    expect_golden(verb, all);
  }
}

TEST(AbidectlHelp, SaysWhatEveryExitCodeMeans) {
  const auto help = call({"--help"}).out;
  EXPECT_NE(help.find("0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 server unreachable, 5 conflict"), std::string::npos);
}

}  // namespace
}  // namespace abide::ctl
