#pragma once
// Schedules, hosts and files in the words of orch-cli, turned into ours. Pure.
#include <string>
#include <vector>

#include "common/core/result.hpp"

namespace abide::ctl {

struct NewSchedule;
struct ScheduleEdit;

// What its `create schedule` and `set schedule` take; empty: not given.
struct OrchSchedule {
  std::string timezone, frequency_type, maintenance_type, target, start_time, end_time, frequency, day_of_week, day_of_month, months;
  [[nodiscard]] bool given() const;
};

// `own` has the name and the duration. Times are what clocks in the zone show; a repeated schedule keeps its zone, so that it
// opens at this hour in summer and in winter, and on these days there. Notes say what is left out, as orch-cli does.
Result<NewSchedule> from_orch(const OrchSchedule& words, const NewSchedule& own, std::vector<std::string>& notes);

// Of a schedule that is there: the five cron texts and the zone as they are.
struct PresentSchedule {
  bool repeated = false;
  std::string minutes, hours, day_of_month, month, day_of_week;
};
Result<ScheduleEdit> from_orch(const OrchSchedule& words, const ScheduleEdit& own, const PresentSchedule& present,
                               std::vector<std::string>& notes);

// Its file of hosts to be updated: a head and a line for each host.
inline constexpr const char* orch_csv_head = "Name,ResourceID,OSUpdatePolicyID";
struct OrchCsvRow {
  int line = 0;
  std::string name, host_id, policy;  // policy empty: the one that the host has
};
// `source` is named in errors, with the line.
Result<std::vector<OrchCsvRow>> read_orch_csv(const std::string& source, const std::string& text);

}  // namespace abide::ctl
