// Protocol 1.4: nodes' journals in, `received` and welcome out; which journal speaks for a node, gaps, conflicts, and
// documents that a node holds and this orchestrator does not know.
#include <algorithm>

#include "common/core/hash.hpp"
#include "common/core/rules.hpp"
#include "orchestrator/fleet/lookup.hpp"
#include "orchestrator/fleet/turn.hpp"

namespace abide::fleet {
namespace {

void forget_acknowledgement(Turn& turn, const NodeId& id) {
  auto& link = turn.link_of(id);
  link.unacknowledged = 0;
  if (!link.ack_due_mono_ms) return;
  turn.link.ack_deadlines.erase({*link.ack_due_mono_ms, id});
  link.ack_due_mono_ms.reset();
}

void send_received(Turn& turn, const NodeId& id, std::optional<Nonce> welcome) {
  forget_acknowledgement(turn, id);
  turn.say(SendReceived{id, welcome});
}

void acknowledge_soon(Turn& turn, const NodeId& id) {
  auto& link = turn.link_of(id);
  if (++link.unacknowledged >= turn.settings.ack_after_events) return send_received(turn, id, std::nullopt);
  if (link.ack_due_mono_ms) return;
  link.ack_due_mono_ms = turn.now.mono_ms + turn.settings.ack_after_ms;
  turn.link.ack_deadlines.insert({*link.ack_due_mono_ms, id});
}

// It repeats an ask of this life that was given out after `since`: no late message, its machine lives.
bool alive(const Turn& turn, const Hello& hello, std::uint32_t since) {
  return turn.link.life && hello.life == turn.link.life && hello.ask > since;
}

bool knows(const Hello& hello, Number offer) {
  return hello.offer == offer || hello.outcome.offer == offer;
}

// ---- documents that nobody here has issued ---------------------------------------------------------------------------

void raise_epoch_above(Turn& turn, std::uint64_t seen, bool mine) {
  if (seen < turn.state.epoch) return;
  // A stranger's number, or a broken one, must not use up the numbers that there are.
  if (!mine && seen > static_cast<std::uint64_t>(turn.now.wall_ms + epoch_ahead_ms_max)) return;
  if (seen == UINT64_MAX) return;
  turn.event(EpochRaised{seen + 1, "greater epoch seen"});
}

void meet_held_document(Turn& turn, const NodeId& id, const Held& held) {
  const Node& node = turn.node(id);
  const auto& mine = node.newest;
  turn.link_of(id).shown = held.number;
  const bool unknown =
      held.number && (held.number > mine.document.number || (held.number == mine.document.number && held.digest != mine.digest));
  turn.link_of(id).shown_unknown = unknown;
  if (!rule(Rule::detect_unknown) || !unknown) return;
  const bool by_my_key = document_tag(turn.state.key, id, held.number, held.digest) == held.tag;
  // Of a node that is held, too: restored by a clock that is behind, the epoch is below what was said before, and so is `head`.
  raise_epoch_above(turn, held.number.epoch, by_my_key);
  if (node.held) return;
  const std::string shown = "holds document " + to_string(held.number);
  if (!by_my_key) {
    turn.event(NodeHeld{id, held.number, shown + ", which another orchestrator has issued, or this one before its state was lost"});
    return;
  }
  turn.event(
      NodeHeld{id, held.number, shown + ", which this orchestrator has issued and forgotten: its state is older than what it has said"});
  turn.event(
      NodeHeld{every_node, held.number, "node " + to_string(id) + " " + shown + ", which this orchestrator has issued and forgotten"});
}

// ---- the picture -----------------------------------------------------------------------------------------------------

void look_at_identity(Turn& turn, const NodeId& id, const Identity& before) {
  if (turn.node(id).identity != before && policy_of(turn.state, turn.node(id)).policy != nullptr) turn.link.unresolved.insert(id);
}

// The open runs that the node had accepted and whose offers it does not know: nothing will end them any more. One of a
// journal that is lost is not begun again unasked, so a document that still asks for it now says `aborted`.
void close_unknown_runs(Turn& turn, const NodeId& id, const Hello& hello) {
  const Node& node = turn.node(id);
  for (const auto& run : open_runs(node)) {
    if (run.start_ms == 0 || knows(hello, run.offer)) continue;
    if (run.journal == node.journal) {
      close_run(turn, id, run, OutcomeKind::failed, Reason::lost, "the node accepted it; how it ended was never told");
      continue;
    }
    close_run(turn, id, run, OutcomeKind::failed, Reason::re_imaged, "the node came back with another journal");
    if (rule(Rule::close_re_imaged) && node.newest.link && node.newest.link->offer == run.offer)
      issue_flags(turn, id, node.newest.link->paused, true);
  }
}

// A node that says so again after it was answered has our chain: what it lacks lies in a gap that hides where its history split.
bool doubts(NodeLink& link, const Hello& hello) {
  const bool again = link.doubted_upto == hello.last && link.doubted != 0;
  if (!again) link.doubted = 0;
  if (!again || link.doubted_nonce != hello.nonce) ++link.doubted;  // not the same one, come twice
  link.doubted_upto = hello.last;
  link.doubted_nonce = hello.nonce;
  return link.doubted <= doubted_max;
}

// What hello says is the state after its `last`, and all up to there is stored, or lost for good: it wins.
void correct_picture(Turn& turn, const NodeId& id, const Hello& hello) {
  const Node& node = turn.node(id);
  // It ends before what is stored of its journal does: another history of the same length, a disk that was put back. The answer
  // makes the node begin a new journal.
  if (hello.outcome.offer < node.outcome.offer && doubts(turn.link_of(id), hello)) return;
  PictureCorrected told{id, hello.offer, hello.phase, hello.outcome, hello.slot, hello.boot, hello.identity, hello.held.number};
  const bool same = node.offer == told.offer && node.phase == told.phase && node.outcome == told.outcome && node.slot == told.slot &&
                    node.boot == told.boot && node.identity == told.identity && node.taken == told.held;
  if (!same && rule(Rule::hello_wins)) {
    const Identity before = node.identity;
    turn.event(std::move(told));
    look_at_identity(turn, id, before);
    settle_runs(turn, id, nullptr);
  }
  close_unknown_runs(turn, id, hello);
}

void hear_state(Turn& turn, const NodeId& id, const Hello& hello) {
  const Node& node = turn.node(id);
  auto& link = turn.link_of(id);
  link.told.reset();
  if (hello.last == node.upto) correct_picture(turn, id, hello);
  if (hello.last > node.upto) link.told = hello;
}

// ---- hello -----------------------------------------------------------------------------------------------------------

void answer(Turn& turn, const NodeId& id, const Hello& hello) {
  send_received(turn, id, hello.nonce);
  const Node& node = turn.node(id);
  if (node.held && rule(Rule::held_silent)) return;
  if (hello.held.number < node.newest.document.number && rule(Rule::document_again)) turn.say(PublishDocument{id});
}

// The offer that is asked for has ended without success, in the journal before or by what its run says, and this journal
// does not know: re-imaged, or a disk that was put back, where it is open still. It is not tried again unasked.
void close_unsuccessful(Turn& turn, const NodeId& id, const Hello& hello, const Outcome& before) {
  const Node& node = turn.node(id);
  if (!rule(Rule::close_re_imaged) || !node.newest.link) return;
  const Number offer = node.newest.link->offer;
  if (hello.outcome.offer == offer) return;
  const auto unsuccessful = [](OutcomeKind kind) { return kind != OutcomeKind::none && kind != OutcomeKind::succeeded; };
  const bool by_journal = before.offer == offer && unsuccessful(before.kind);
  const bool by_run = node.run && node.run->offer == offer && node.run->end_ms != 0 && unsuccessful(node.run->outcome);
  if (by_journal || by_run) issue_flags(turn, id, node.newest.link->paused, true);
}

void hello_of_current(Turn& turn, const NodeId& id, const Hello& hello) {
  const Node& node = turn.node(id);
  if (hello.base > node.upto && rule(Rule::base_wins)) turn.event(GapNoted{id, node.journal, node.upto + 1, hello.base, hello.base_chain});
  meet_held_document(turn, id, hello.held);
  hear_state(turn, id, hello);
  // A copy that an operator named may go on with, or begin, what ended on the other machine.
  if (hello.last >= node.upto) close_unsuccessful(turn, id, hello, {});
  answer(turn, id, hello);
}

void adopt(Turn& turn, const NodeId& id, JournalId journal, const Hello& hello) {
  const Node& node = turn.node(id);
  auto& link = turn.link_of(id);
  const JournalId before = node.journal;
  const Outcome outcome = node.outcome;
  if (before) {
    link.retired_ask[before] = link.ask;
    turn.event(JournalRetired{id, before, node.upto, "journal " + to_hex(journal) + " has answered in its place"});
  }
  link.pending_ask.erase(journal);
  link.doubted = 0;
  turn.event(JournalAdopted{id, journal, hello.base, hello.base_chain});
  meet_held_document(turn, id, hello.held);
  close_unknown_runs(turn, id, hello);
  close_unsuccessful(turn, id, hello, outcome);
  hear_state(turn, id, hello);
  if (before) return ask(turn, id);
  answer(turn, id, hello);
}

void hello_of_never_seen(Turn& turn, const NodeId& id, JournalId journal, const Hello& hello) {
  auto& link = turn.link_of(id);
  if (!rule(Rule::proof_of_life)) return adopt(turn, id, journal, hello);
  if (const auto noted = link.pending_ask.find(journal); noted != link.pending_ask.end())
    return alive(turn, hello, noted->second) ? adopt(turn, id, journal, hello) : send_received(turn, id, std::nullopt);
  if (link.pending_ask.size() >= pending_max) return send_received(turn, id, std::nullopt);
  // A new journal, or a late word of a lost one: who is alive answers again. Each has its own note: copies that spoke in
  // turn, each in the place of the one before, would be asked for ever.
  link.pending_ask[journal] = link.ask;
  ask(turn, id);
}

void hello_of_retired(Turn& turn, const NodeId& id, JournalId journal, const Hello& hello) {
  const auto& asks = turn.link_of(id).retired_ask;
  const auto noted = asks.find(journal);
  if (rule(Rule::proof_of_life) && !alive(turn, hello, noted == asks.end() ? 0 : noted->second))
    return send_received(turn, id, std::nullopt);
  turn.event(IdentityConflict{id, turn.node(id).journal, journal});
  forget_acknowledgement(turn, id);
}

bool admit(Turn& turn, const NodeId& id) {
  if (turn.state.nodes.contains(id)) return true;
  const auto deleted = turn.state.deleted.find(id);
  if (turn.settings.auto_register && deleted == turn.state.deleted.end()) {
    register_node(turn, id, {}, true);
    return true;
  }
  if (turn.state.refused.contains(id) || turn.state.refused.size() >= refused_max) return false;
  if (deleted != turn.state.deleted.end())
    turn.event(NodeRefused{id, "its host " + deleted->second.host_id + " was deleted in project " + turn.state.project});
  else
    turn.event(NodeRefused{id, "not registered in project " + turn.state.project});
  return false;
}

// ---- events ----------------------------------------------------------------------------------------------------------

bool answered_at_once(const NodeEvent& event) {
  return std::holds_alternative<Accepted>(event) || std::holds_alternative<JournalForked>(event) ||
         outcome_of(event).kind != OutcomeKind::none;
}

void store(Turn& turn, const NodeEventHeard& heard) {
  const NodeId& id = heard.node;
  const Node& node = turn.node(id);
  const Identity before = node.identity;
  if (const auto* accepted = std::get_if<Accepted>(&heard.event); accepted != nullptr && open_run_of(node, accepted->offer) == nullptr)
    open_run(turn, id, accepted->offer, accepted->release.policy_id, accepted->release.os_resource_id);
  turn.event(NodeEventStored{id, node.journal, heard.sequence, heard.chain, heard.at_ms, heard.clock_trusted, heard.envelope, heard.event});
  look_at_identity(turn, id, before);
  settle_runs(turn, id, std::get_if<DocumentTaken>(&heard.event));
  auto& link = turn.link_of(id);
  if (link.told && node.upto >= link.told->last) {
    const Hello told = *std::exchange(link.told, std::nullopt);
    if (told.last == node.upto) correct_picture(turn, id, told);
  }
  if (answered_at_once(heard.event))
    send_received(turn, id, std::nullopt);
  else
    acknowledge_soon(turn, id);
}

}  // namespace

void ask(Turn& turn, const NodeId& id) {
  ++turn.link_of(id).ask;
  send_received(turn, id, std::nullopt);
}

void call_roll_again(Turn& turn) {
  auto& link = turn.link;
  if (link.roll_call_at_mono_ms && turn.now.mono_ms < *link.roll_call_at_mono_ms + turn.settings.roll_call_again_ms) {
    link.roll_call_due = true;
    return;
  }
  link.roll_call_due = false;
  link.roll_call_at_mono_ms = turn.now.mono_ms;
  turn.say(CallRoll{});
}

void hear_hello(Turn& turn, const HelloHeard& heard) {
  if (!heard.journal || !admit(turn, heard.node)) return;
  const Node& node = turn.node(heard.node);
  if (node.conflict) return;
  auto& link = turn.link_of(heard.node);
  link.heard_mono_ms = turn.now.mono_ms;
  reopen_lost_runs(turn, heard.node);
  if (heard.hello.life == turn.link.life) {
    link.hello_ask = link.hello_life == turn.link.life ? std::max(link.hello_ask, heard.hello.ask) : heard.hello.ask;
    link.hello_life = turn.link.life;
  } else if (rule(Rule::recall)) {
    call_roll_again(turn);
  }
  if (!node.journal) return adopt(turn, heard.node, heard.journal, heard.hello);
  if (node.journal == heard.journal || !rule(Rule::journal_id)) return hello_of_current(turn, heard.node, heard.hello);
  const bool retired =
      std::any_of(node.retired.begin(), node.retired.end(), [&](const RetiredJournal& r) { return r.journal == heard.journal; });
  if (retired) return hello_of_retired(turn, heard.node, heard.journal, heard.hello);
  hello_of_never_seen(turn, heard.node, heard.journal, heard.hello);
}

void hear_event(Turn& turn, const NodeEventHeard& heard) {
  const auto found = turn.state.nodes.find(heard.node);
  if (found == turn.state.nodes.end()) return;
  const Node& node = found->second;
  if (node.conflict || !node.journal) return;
  if (heard.journal != node.journal && rule(Rule::journal_id)) return send_received(turn, heard.node, std::nullopt);
  if (heard.sequence <= node.upto) return rule(Rule::duplicate_check) ? acknowledge_soon(turn, heard.node) : store(turn, heard);
  if (heard.sequence > node.upto + 1) {
    if (!rule(Rule::no_gaps)) return store(turn, heard);
    const auto& link = turn.link_of(heard.node);
    if (link.hello_life == turn.link.life && link.hello_ask == link.ask) ask(turn, heard.node);
    return;
  }
  if (heard.after != node.chain && rule(Rule::chain)) return send_received(turn, heard.node, std::nullopt);
  reopen_lost_runs(turn, heard.node);
  store(turn, heard);
}

void send_due_acknowledgements(Turn& turn) {
  auto& deadlines = turn.link.ack_deadlines;
  while (!deadlines.empty() && deadlines.begin()->first <= turn.now.mono_ms) {
    const NodeId id = deadlines.begin()->second;
    send_received(turn, id, std::nullopt);
  }
}

}  // namespace abide::fleet
