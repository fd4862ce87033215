#pragma once
// `abide-agent check`: is what the journal tells what the state says? Looks only, also while the agent runs.

namespace abide::agent {

// Prints one line of JSON: journal, last, acked, base, phase, offer, outcome, reason, os_image_id, offers (how many the
// journal still holds: accepted, and by outcome), differences. Exit code 0: the journal's chain is whole and its fold gives
// the state; 1: not so; 2: usage; 5: it cannot be read.
int check_store(int argc, const char* const* argv);

}  // namespace abide::agent
