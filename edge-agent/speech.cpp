#include "edge-agent/speech.hpp"

#include "common/events/codec.hpp"

namespace abide::agent {

Envelope envelope_of(const AgentHost& host, const Now& now) {
  Envelope envelope;
  envelope.journal = host.journal().head().id;
  envelope.session = host.session();
  envelope.at_ms = now.wall_ms;
  envelope.clock_trusted = now.trusted;
  return envelope;
}

std::string encode_hello(const AgentHost& host, const Now& now) {
  const auto& head = host.journal().head();
  auto hello = envelope_of(host, now);
  hello.payload = node::make_hello(host.state(), host.link(), head.base, head.base_chain);
  return encode(hello);
}

void PhaseTold::begin(const node::State& state) {
  phase_ = state.phase;
  offer_ = state.offer;
}

std::optional<Progress> PhaseTold::next(const node::State& state) {
  if (state.phase == phase_ && state.offer == offer_) return std::nullopt;
  begin(state);
  if (!state.offer) return std::nullopt;
  const bool staging = state.phase == Phase::staging;
  const auto bytes = state.release.raw.size;
  return Progress{state.offer, state.phase, staging ? 0U : 100U, staging ? 0 : bytes, bytes, 0};
}

}  // namespace abide::agent
