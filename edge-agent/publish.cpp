// The agent's half that speaks: hello, events, presence, progress. Owner thread.
#include <string>

#include "common/events/codec.hpp"
#include "common/events/print.hpp"
#include "edge-agent/agent.hpp"

namespace abide::agent {

BusMessage presence_message(const Addressed& self, SessionId session, bool online, const Now& now) {
  Envelope envelope;
  envelope.session = session;
  envelope.at_ms = now.wall_ms;
  envelope.clock_trusted = now.trusted;
  envelope.payload = Presence{online};
  return {topics::from_node(self.project, self.node, topics::FromNode::presence), encode(envelope), 1, true};
}

// What the bus does not take is made good by the next hello: nothing here waits or tries again.
void Agent::publish(topics::FromNode what, std::string bytes, int qos, bool retain) {
  if (!bus_connected_) return;
  auto published = bus_.publish({topics::from_node(settings_.self.project, settings_.self.node, what), std::move(bytes), qos, retain});
  if (!published) repeated_.warn("publish", published.error().message, read_clock_().mono_ms);
}

void Agent::publish_committed(const AgentHost::Done& done) {
  for (const auto& event : done.events) {
    log_info(print(event.recorded.event));
    if (settings_.on_event) settings_.on_event(event.recorded);
  }
  for (const auto& message : done.messages) {
    if (std::holds_alternative<node::SayHello>(message)) say_hello();
    if (std::holds_alternative<node::EventOmitted>(message)) host_->omit();
  }
  if (const auto progress = phase_told_.next(host_->state())) say_progress(*progress);
}

void Agent::say_hello() {
  publish(topics::FromNode::status, encode_hello(*host_, read_clock_()), 1, false);
}

void Agent::say_progress(Progress progress) {
  // A worker's late word about what is over.
  if (progress.offer != host_->state().offer) return;
  auto message = envelope_of(*host_, read_clock_());
  message.payload = progress;
  publish(topics::FromNode::progress, encode(message), 0, false);
}

void Agent::pump_outbox() {
  auto pumped = outbox_.pump(host_->link(), host_->journal(), read_clock_().mono_ms, [this](std::uint64_t, std::string_view bytes) {
    auto ticket = bus_.publish(
        {topics::from_node(settings_.self.project, settings_.self.node, topics::FromNode::status), std::string(bytes), 1, false});
    if (!ticket) return ticket;
    // For subscribers who care for nothing else; the orchestrator goes by `status`.
    if (auto event = decode(bytes); event && std::holds_alternative<NodeEvent>(event->payload) &&
                                    std::holds_alternative<RolledBack>(std::get<NodeEvent>(event->payload)))
      publish(topics::FromNode::rollback, std::string(bytes), 1, false);
    return ticket;
  });
  if (!pumped) repeated_.warn("outbox", "events wait: " + pumped.error().message, read_clock_().mono_ms);
}

void Agent::warn_if_nobody_calls(const Now& now) {
  if (warned_) return;
  if (host_->link().life) {
    warned_ = true;  // somebody has
    return;
  }
  if (now.mono_ms - silent_since_mono_ms_ < settings_.roll_call_warning_ms) return;
  warned_ = true;
  log_warn("no orchestrator has called project=" + one_line(settings_.self.project) + " node=" + to_string(settings_.self.node) +
           " connected=" + (host_->link().connected ? "yes" : "no") + " waited_ms=" + std::to_string(now.mono_ms - silent_since_mono_ms_) +
           ": is this its project, and is this node registered there? It keeps trying");
}

}  // namespace abide::agent
