// The plugin of Mosquitto 2.0 around Limits. Its options are in the README of this folder's parent. Mosquitto calls all of
// it on its one thread.
#include <cstdio>
#include <ctime>
#include <memory>
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include "broker-config/limits/limits.hpp"

namespace {

using abide::broker::Limits;

constexpr int plugin_api = 5;

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
  return registered;
}

int mosquitto_plugin_cleanup(void* user_data, mosquitto_opt* /*options*/, int /*option_count*/) {
  mosquitto_callback_unregister(plugin_id, MOSQ_EVT_MESSAGE, judge, nullptr);
  delete static_cast<Limits*>(user_data);
  return MOSQ_ERR_SUCCESS;
}
}
