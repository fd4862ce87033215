#pragma once
// What /metrics says: the text format of Prometheus, version 0.0.4.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/api/backend.hpp"
#include "orchestrator/api/http.hpp"

namespace abide::api {

// `counted`: none where the owner thread could not be asked.
std::string metrics_text(const Health& health, const HttpStats& http, const std::optional<std::vector<ProjectCounts>>& counted,
                         std::string_view version);

}  // namespace abide::api
