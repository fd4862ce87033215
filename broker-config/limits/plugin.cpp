// The plugin of Mosquitto 2.0 around Limits. Its options are in the README of this folder's parent. Mosquitto calls all of
// it on its one thread.
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <sys/socket.h>

#include "broker-config/limits/limits.hpp"

namespace {

using abide::broker::Limits;

constexpr int plugin_api = 5;
constexpr int connections_waiting_max = 4'096;  // or what the kernel allows, net.core.somaxconn

std::int64_t monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);  // 4 ms are fine enough, and it is no system call
  return static_cast<std::int64_t>(now.tv_sec) * 1'000 + now.tv_nsec / 1'000'000;
}

std::string_view name_of(const mosquitto* client) {
  const char* name = mosquitto_client_username(client);
  if (name == nullptr) name = mosquitto_client_id(client);
  return name == nullptr ? "" : name;
}

int judge(int /*event*/, void* data, void* limits) {
  const auto& message = *static_cast<const mosquitto_evt_message*>(data);
  const auto name = name_of(message.client);
  const auto verdict = static_cast<Limits*>(limits)->judge(name, message.payloadlen, monotonic_ms());
  if (verdict.tell) {
    mosquitto_log_printf(MOSQ_LOG_WARNING, "abide limits: client %.*s says more than it may: %llu messages given to nobody",
                         static_cast<int>(name.size()), name.data(), static_cast<unsigned long long>(verdict.tell->messages));
  }
  return verdict.may_pass ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

// Mosquitto lets 100 connections wait to be accepted. Where a whole fleet comes at once, the kernel drops the others' SYN, which come again
// after 1, 3 and 7 s: the orchestrator's too, without which nobody is welcomed.
void let_more_wait(const std::filesystem::path& descriptors, int connections) {
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(descriptors, gone)) {
    const int descriptor = std::atoi(entry.path().filename().c_str());
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0) ::listen(descriptor, connections);
  }
}

// The first turn of Mosquitto's loop, when it listens.
int tick(int /*event*/, void* /*data*/, void* /*limits*/) {
  static bool done = false;
  if (!done) let_more_wait("/proc/self/fd", connections_waiting_max);
  done = true;
  return MOSQ_ERR_SUCCESS;
}

mosquitto_plugin_id_t* plugin_id = nullptr;

}  // namespace

extern "C" {

int mosquitto_plugin_version(int count, const int* versions) {
  for (int i = 0; i < count; ++i)
    if (versions[i] == plugin_api) return plugin_api;
  return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t* identifier, void** user_data, mosquitto_opt* options, int option_count) {
  std::map<std::string, std::string> told;
  for (int i = 0; i < option_count; ++i) told[options[i].key] = options[i].value == nullptr ? "" : options[i].value;
  auto settings = abide::broker::settings_of(told);
  if (!settings) {
    mosquitto_log_printf(MOSQ_LOG_ERR, "abide limits: %s", settings.error().message.c_str());
    return MOSQ_ERR_INVAL;
  }
  auto limits = std::make_unique<Limits>(*settings);
  plugin_id = identifier;
  const int registered = mosquitto_callback_register(plugin_id, MOSQ_EVT_MESSAGE, judge, nullptr, limits.get());
  if (registered == MOSQ_ERR_SUCCESS) *user_data = limits.release();
  (void)mosquitto_callback_register(plugin_id, MOSQ_EVT_TICK, tick, nullptr, nullptr);
  return registered;
}

int mosquitto_plugin_cleanup(void* user_data, mosquitto_opt* /*options*/, int /*option_count*/) {
  mosquitto_callback_unregister(plugin_id, MOSQ_EVT_MESSAGE, judge, nullptr);
  mosquitto_callback_unregister(plugin_id, MOSQ_EVT_TICK, tick, nullptr);
  delete static_cast<Limits*>(user_data);
  return MOSQ_ERR_SUCCESS;
}
}
