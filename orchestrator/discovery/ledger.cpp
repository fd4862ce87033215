#include "orchestrator/discovery/ledger.hpp"

#include <algorithm>

#include "orchestrator/os_resource_manager/os_resource_manager.hpp"

namespace abide::discovery {

namespace {

constexpr std::size_t error_bytes_max = 500;  // nothing is added to one that is longer

}  // namespace

std::int64_t retry_after_ms(std::int64_t base_ms, std::uint32_t attempts, std::uint64_t draw) {
  std::int64_t pause = std::clamp<std::int64_t>(base_ms, 1, retry_ms_max);
  for (std::uint32_t i = 1; i < attempts && pause < retry_ms_max; ++i) pause = std::min(pause * 2, retry_ms_max);
  const std::int64_t sure = pause / 2;
  return sure + static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(pause - sure + 1));
}

void Ledger::begin(const Now& now, bool everything) {
  now_ = now;
  everything_ = everything;
  good_now_.clear();
  for (auto& [source, entry] : entries_) entry.said = Said::nothing;
}

bool Ledger::ask(const std::string& source) {
  const auto found = entries_.find(source);
  if (found == entries_.end()) return true;
  const bool due = everything_ || found->second.due_mono_ms <= now_.mono_ms;
  found->second.said = due ? Said::asked : Said::broken;
  return due;
}

void Ledger::good(const std::string& source) {
  good_now_.push_back(source);
}

Ledger::Entry& Ledger::note(const std::string& source, const std::string& error) {
  Entry& entry = entries_[source];
  if (entry.row.attempts == 0) {
    entry.row.source = source;
    entry.row.first_at_wall_ms = now_.wall_ms;
  }
  const bool again = entry.said == Said::broken && entry.row.attempts != 0;  // two things are wrong with it in one pass
  if (!again) {
    ++entry.row.attempts;
    entry.row.error = error;
  } else if (entry.row.error.size() < error_bytes_max) {
    entry.row.error += "; " + error;
  }
  entry.row.last_at_wall_ms = now_.wall_ms;
  entry.said = Said::broken;
  return entry;
}

void Ledger::failed(const std::string& source, const std::string& error) {
  Entry& entry = note(source, error);
  const std::int64_t pause = retry_after_ms(base_ms_, entry.row.attempts, random_.next());
  entry.due_mono_ms = now_.mono_ms + pause;
  entry.row.next_at_wall_ms = now_.wall_ms + pause;
}

void Ledger::refused(const std::string& source, const std::string& reason) {
  Entry& entry = note(source, reason);
  entry.due_mono_ms = 0;
  entry.row.next_at_wall_ms = 0;
}

std::vector<FailureRow> Ledger::finish(bool complete, const std::vector<std::string>& unread) {
  const auto is_unread = [&](const std::string& source) {
    return std::any_of(unread.begin(), unread.end(), [&](const auto& place) { return os_resource_manager::lies_in(source, place); });
  };
  for (const auto& source : good_now_) {
    const auto entry = entries_.find(source);
    if (entry == entries_.end() || entry->second.said != Said::broken) good_[source] = now_.wall_ms;
  }
  good_now_.clear();
  if (good_.size() > good_max) std::erase_if(good_, [&](const auto& one) { return !entries_.contains(one.first); });
  std::vector<FailureRow> rows;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const Said said = at->second.said;
    if (said == Said::asked || (said == Said::nothing && complete && !is_unread(at->first))) {
      at = entries_.erase(at);
    } else {
      rows.push_back(at->second.row);
      if (const auto good = good_.find(at->first); good != good_.end()) rows.back().good_at_wall_ms = good->second;
      ++at;
    }
  }
  return rows;
}

std::vector<FailureRow> cut(std::vector<FailureRow> rows, const std::set<std::string>& first, std::vector<std::string>& untold) {
  if (rows.size() <= failures_max) return rows;
  std::stable_partition(rows.begin(), rows.end(), [&](const FailureRow& row) { return first.contains(row.source); });
  const std::size_t more = rows.size() - failures_max;
  for (std::size_t i = failures_max; i < rows.size(); ++i) untold.push_back(std::move(rows[i].source));
  rows.resize(failures_max);
  rows.back().error += " (and " + std::to_string(more) + " more failures in this pass)";
  return rows;
}

}  // namespace abide::discovery
