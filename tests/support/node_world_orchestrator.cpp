// The world's operator, orchestrator and bus.
#include <algorithm>

#include "tests/support/node_world.hpp"

namespace abide::test {

using namespace node;  // NOLINT(google-build-using-namespace)

namespace {

template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

}  // namespace

void NodeWorld::issue() {
  document_.number = {1'000, document_.number.revision + 1};
  if (link_.connected) down_.emplace_back(document_);
}

void NodeWorld::link(const Image& image, bool allow_downgrade) {
  say("-- the operator links " + image.version);
  document_.link = LinkedRelease{{1'000, document_.number.revision + 1}, image.release(), allow_downgrade, false, false};
  issue();
}

void NodeWorld::unlink() {
  say("-- the operator un-links");
  document_.link.reset();
  issue();
}

void NodeWorld::abort() {
  if (!document_.link) return;
  say("-- the operator aborts");
  document_.link->aborted = true;
  issue();
}

void NodeWorld::pause(bool paused) {
  if (!document_.link) return;
  say(paused ? "-- the operator pauses" : "-- the operator resumes");
  document_.link->paused = paused;
  issue();
}

void NodeWorld::open_window(std::int64_t opens_in_ms, std::int64_t lasts_ms) {
  say("-- the operator opens a window");
  document_.window = Window{"w", now_ms_ + opens_in_ms, lasts_ms == 0 ? 0 : now_ms_ + opens_in_ms + lasts_ms};
  issue();
}

void NodeWorld::close_window() {
  say("-- the operator closes the window");
  document_.window.reset();
  issue();
}

void NodeWorld::lose_messages() {
  up_.clear();
  down_.clear();
}

void NodeWorld::lose_connection() {
  lose_messages();
  if (!link_.connected) return;
  say("-- the connection is lost");
  feed(Disconnected{});
}

void NodeWorld::restart_orchestrator() {
  say("-- the orchestrator restarts");
  lose_messages();
  life_ = LifeId{random_.next_id()};
  ask_ = 1;
  if (link_.connected) down_.emplace_back(RollCall{life_, 50, 1});
}

void NodeWorld::connect() {
  say("   the node connects");
  in_force_at_connection_ = document_.number;
  down_.emplace_back(RollCall{life_, 50, 1});
  if (document_.number) down_.emplace_back(document_);
  feed(Connected{});
}

Received NodeWorld::received(std::uint64_t upto) const {
  const Chain chain = upto == 0 ? Chain{journal_.id.value} : journal_.events.at(upto - 1).chain;
  return {life_, ask_, journal_.id, upto, chain, std::nullopt};
}

Received NodeWorld::welcome(Nonce nonce) const {
  Received answer = received(journal_.acked);
  answer.welcome = Welcome{nonce, document_.number, now_ms_};
  return answer;
}

DocumentHeard NodeWorld::document_heard() const {
  return {document_.number, {}, {}, "", document_.link, document_.window, Reason::none, ""};
}

Received NodeWorld::welcome_of_now() const {
  return welcome(link_.nonce);
}

void NodeWorld::drop_documents() {
  down_.erase(std::remove_if(down_.begin(), down_.end(), [](const Down& m) { return std::holds_alternative<Issued>(m); }), down_.end());
}

void NodeWorld::hear(const Received& received) {
  std::optional<Chain> own;
  if (received.upto == 0)
    own = Chain{journal_.id.value};
  else if (received.upto <= journal_.events.size())
    own = journal_.events[received.upto - 1].chain;
  feed(ReceivedHeard{received, own});
}

void NodeWorld::answer(std::optional<Nonce> nonce) {
  Received received;
  received.life = life_;
  received.ask = ask_;
  received.journal = known_journal_;
  received.upto = upto_;
  received.chain = chain_;
  if (nonce) received.welcome = Welcome{*nonce, document_.number, now_ms_};
  if (link_.connected) down_.emplace_back(received);
}

void NodeWorld::take_up(const Up& message) {
  if (const auto* hello = std::get_if<HelloOf>(&message)) {
    if (hello->hello.life != life_) {
      if (link_.connected) down_.emplace_back(RollCall{life_, 50, 1});
      return;
    }
    if (hello->journal != known_journal_) {  // one machine, so it is the living one
      known_journal_ = hello->journal;
      upto_ = hello->hello.base;
      chain_ = hello->hello.base_chain;
      const Number asked = document_.link ? document_.link->offer : Number{};
      const bool knows = hello->hello.offer == asked || hello->hello.outcome.offer == asked;
      if (asked && !knows && unfinished_.count(asked) != 0) abort();
    }
    if (document_.number && hello->hello.held.number < document_.number && link_.connected) down_.emplace_back(document_);
    answer(hello->hello.nonce);
    return;
  }
  const auto& recorded = std::get<EventOf>(message).recorded;
  if (recorded.journal != known_journal_) return answer(std::nullopt);
  if (recorded.sequence == upto_ + 1 && recorded.after == chain_) {
    upto_ = recorded.sequence;
    chain_ = recorded.chain;
    if (const auto* accepted = std::get_if<Accepted>(&recorded.event)) unfinished_.insert(accepted->offer);
    if (const auto* succeeded = std::get_if<Succeeded>(&recorded.event)) unfinished_.erase(succeeded->offer);
  } else if (recorded.sequence > upto_ + 1) {
    ++ask_;
  }
  answer(std::nullopt);
}

void NodeWorld::take_down(const Down& message) {
  std::visit(Overload{
                 [&](const RollCall& m) { post(RollCallHeard{m}); },
                 [&](const Received& m) {
                   std::optional<Chain> own;
                   if (m.upto == 0)
                     own = Chain{journal_.id.value};
                   else if (m.upto <= journal_.events.size())
                     own = journal_.events[m.upto - 1].chain;
                   post(ReceivedHeard{m, own});
                 },
                 [&](const Issued& m) {
                   post(DocumentHeard{m.number, {}, {}, "", m.link, m.window, Reason::none, ""});
                 },
             },
             message);
}

}  // namespace abide::test
