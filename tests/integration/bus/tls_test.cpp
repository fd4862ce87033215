// The production configuration: TLS, and a name that is the certificate's and nobody's choice.
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <sys/stat.h>

#include "common/bus/mqtt_bus.hpp"
#include "tests/support/broker.hpp"

namespace abide {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 20s;
const std::string node_1 = "11111111-1111-1111-1111-111111111111";
const std::string node_2 = "22222222-2222-2222-2222-222222222222";

// A CA and certificates by it, made by openssl.
class Certificates {
 public:
  Certificates() {
    run({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=fleet-ca", "-keyout",
         file("ca.key"), "-out", file("ca.crt")});
    add("server", "broker", "subjectAltName=IP:127.0.0.1");
  }
  void add(const std::string& name, const std::string& common_name, const std::string& extension = "basicConstraints=CA:FALSE") {
    run({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + common_name, "-keyout",
         file(name + ".key"), "-out", file(name + ".csr")});
    std::ofstream(file(name + ".ext")) << extension << "\n";
    run({"x509", "-req", "-in", file(name + ".csr"), "-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2",
         "-extfile", file(name + ".ext"), "-out", file(name + ".crt")});
  }
  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }

 private:
  void run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    auto child = test::Child::start(arguments, "", file("log"));
    if (child.wait(patience) != 0) throw std::runtime_error("openssl: " + test::read_file(file("log")));
  }
  test::TemporaryDirectory directory_;
};

struct Client {
  Client(const test::Broker& broker, const Certificates& certificates, const std::string& certificate, const std::string& user_name,
         std::vector<std::string> filters, const std::string& ca = "ca.crt")
      : bus(settings(broker, certificates, certificate, user_name, std::move(filters), ca, *this)) {
    const auto started = bus.start([this](BusEvent event) {
      const std::lock_guard lock(mutex);
      if (std::holds_alternative<BusConnected>(event)) connected = true;
      if (auto* received = std::get_if<BusReceived>(&event)) payloads.push_back(received->payload);
      changed.notify_all();
    });
    EXPECT_TRUE(started);
  }
  template <class Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, predicate);
  }
  static BusSettings settings(const test::Broker& broker, const Certificates& certificates, const std::string& certificate,
                              const std::string& user_name, std::vector<std::string> filters, const std::string& ca, Client& client) {
    BusSettings made;
    made.url = broker.url();
    made.client_id = random_client_id();
    made.user_name = user_name;
    made.filters = std::move(filters);
    made.reconnect_ms_max = 50;
    made.ca_file = certificates.file(ca);
    if (!certificate.empty()) {
      made.certificate_file = certificates.file(certificate + ".crt");
      made.key_file = certificates.file(certificate + ".key");
    }
    made.on_attempt_failed = [&client](const std::string&) {
      const std::lock_guard lock(client.mutex);
      ++client.failures;
      client.changed.notify_all();
    };
    return made;
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool connected = false;
  int failures = 0;
  std::vector<std::string> payloads;
  MqttBus bus;
};

TEST(MqttBusWithTls, GoesByTheCertificatesNameWhateverUserNameIsSent) {
  Certificates certificates;
  certificates.add("orchestrator", "orchestrator");
  certificates.add("node", node_1);
  test::Broker broker("mosquitto-production.conf", certificates.path());
  Client orchestrator(broker, certificates, "orchestrator", "orchestrator", {"abide/v1/demo/from/+/status"});
  Client node(broker, certificates, "node", "orchestrator", {"abide/v1/demo/#"});  // it claims to be the orchestrator
  ASSERT_TRUE(orchestrator.wait([&] { return orchestrator.connected; })) << broker.log();
  ASSERT_TRUE(node.wait([&] { return node.connected; })) << broker.log();
  ASSERT_TRUE(node.bus.publish({"abide/v1/demo/from/" + node_2 + "/status", "forged"}));
  ASSERT_TRUE(node.bus.publish({"abide/v1/demo/from/" + node_1 + "/status", "own"}));
  ASSERT_TRUE(orchestrator.bus.publish({"abide/v1/demo/to/" + node_2 + "/received", "for another"}));
  ASSERT_TRUE(orchestrator.bus.publish({"abide/v1/demo/to/" + node_1 + "/received", "for it"}));
  ASSERT_TRUE(orchestrator.wait([&] { return !orchestrator.payloads.empty(); }));
  ASSERT_TRUE(node.wait([&] { return !node.payloads.empty(); }));
  EXPECT_EQ(orchestrator.payloads, std::vector<std::string>{"own"});
  EXPECT_EQ(node.payloads, std::vector<std::string>{"for it"});
}

TEST(MqttBusWithTls, DoesNotSpeakToABrokerThatAnotherAuthorityVouchesFor) {
  Certificates certificates;
  certificates.add("node", node_1);
  Certificates others;
  test::Broker broker("mosquitto-production.conf", others.path());
  Client node(broker, certificates, "node", node_1, {});
  EXPECT_TRUE(node.wait([&] { return node.failures >= 2; }));
  EXPECT_FALSE(node.connected);
}

TEST(MqttBusWithTls, IsRefusedWithoutACertificate) {
  Certificates certificates;
  test::Broker broker("mosquitto-production.conf", certificates.path());
  Client node(broker, certificates, "", node_1, {});
  EXPECT_TRUE(node.wait([&] { return node.failures >= 2; }));
  EXPECT_FALSE(node.connected);
}

}  // namespace
}  // namespace abide
