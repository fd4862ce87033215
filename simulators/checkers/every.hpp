#pragma once
// Every checker, by what it makes. Safety is judged after each thing that happens, liveness when the run has ended.
#include <memory>

#include "simulators/checkers/checker.hpp"

namespace abide::sim {

using MakeChecker = std::unique_ptr<Checker> (*)(const Facts&);

// ---- safety: hardware
std::unique_ptr<Checker> make_running_slot(const Facts& facts);
std::unique_ptr<Checker> make_open_window(const Facts& facts);
std::unique_ptr<Checker> make_verified_image(const Facts& facts);
std::unique_ptr<Checker> make_healthy_first(const Facts& facts);
std::unique_ptr<Checker> make_commit_first(const Facts& facts);
// ---- safety: journals
std::unique_ptr<Checker> make_durable_first(const Facts& facts);
std::unique_ptr<Checker> make_unbroken_journals(const Facts& facts);
std::unique_ptr<Checker> make_stored_first(const Facts& facts);
std::unique_ptr<Checker> make_fold_is_rows(const Facts& facts);
// ---- safety: what is claimed, and what counts
std::unique_ptr<Checker> make_true_reports(const Facts& facts);
std::unique_ptr<Checker> make_true_picture(const Facts& facts);
std::unique_ptr<Checker> make_growing_numbers(const Facts& facts);
std::unique_ptr<Checker> make_one_outcome(const Facts& facts);
std::unique_ptr<Checker> make_silent_after_restore(const Facts& facts);
std::unique_ptr<Checker> make_real_conflicts(const Facts& facts);
std::unique_ptr<Checker> make_true_verdicts(const Facts& facts);
std::unique_ptr<Checker> make_begins_clean(const Facts& facts);
std::unique_ptr<Checker> make_closed_once(const Facts& facts);
std::unique_ptr<Checker> make_told_closes(const Facts& facts);
std::unique_ptr<Checker> make_holds_strangers(const Facts& facts);
std::unique_ptr<Checker> make_present_word(const Facts& facts);
// ---- liveness
std::unique_ptr<Checker> make_every_offer_ends(const Facts& facts);
std::unique_ptr<Checker> make_picture_is_truth(const Facts& facts);
std::unique_ptr<Checker> make_waits_for_something(const Facts& facts);

}  // namespace abide::sim
