// The report as one page: everything that it shows is in it.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>

#include "simulators/node-fleet/report.hpp"

namespace abide::node_fleet {
namespace {

constexpr double width = 860, height = 220, left = 70, right = 16, top = 12, bottom = 34;
constexpr const char* colours[] = {"#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#65a30d", "#9ca3af"};
constexpr std::size_t colours_count = 8;

constexpr const char* style =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:920px;padding:0 1rem;color:#111827;background:#fff}"
    "h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p.sub{color:#6b7280;margin-top:.2rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;border-bottom:1px solid "
    "#e5e7eb;text-align:right;font-variant-numeric:tabular-nums}"
    "td:first-child,th:first-child{text-align:left}th{color:#6b7280;font-weight:500}"
    ".good{color:#059669;font-weight:600}.bad{color:#dc2626;font-weight:600}"
    "svg{width:100%;height:auto;display:block}svg text{font:11px system-ui,sans-serif;fill:#6b7280}"
    ".key span{display:inline-block;margin-right:1rem}.key "
    "i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.35em}"
    "code{font-size:.85em;word-break:break-all}";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '<') {
      out += "&lt;";
    } else if (letter == '>') {
      out += "&gt;";
    } else if (letter == '&') {
      out += "&amp;";
    } else if (letter == '"') {
      out += "&quot;";
    } else {
      out += letter;
    }
  }
  return out;
}

struct Line {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

double round_up(double value) {
  if (value <= 0) return 1;
  const double step = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0})
    if (step * factor >= value) return step * factor;
  return 10 * step;
}

using Label = std::function<std::string(double)>;

std::string key_of(const std::vector<Line>& lines) {
  std::string key = "<div class=\"key\">";
  for (std::size_t i = 0; i < lines.size(); ++i)
    key += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", colours[i % colours_count], escaped(lines[i].name));
  return key + "</div>";
}

std::string frame(const Label& x_label, const Label& y_label, double x_max, double y_max, const std::vector<double>& x_marks,
                  const Label& x_at) {
  (void)x_max;
  std::string svg;
  for (int i = 0; i <= 4; ++i) {
    const double y = top + (height - top - bottom) * (1 - i / 4.0);
    svg += fmt::format("<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#e5e7eb\"/>", left, width - right, y);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", left - 8, y + 4, y_label(y_max * i / 4));
  }
  for (const auto mark : x_marks)
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x_at(mark), height - 12, x_label(mark));
  return svg;
}

std::string path_of(const std::vector<std::pair<double, double>>& points, const std::string& colour) {
  std::string path;
  for (const auto& [x, y] : points) path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", x, y);
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-linejoin=\"round\" points=\"{}\"/>", colour, path);
}

// Lines over the seconds of the run.
std::string over_time(const std::vector<Line>& lines, const Label& y_label) {
  double x_max = 1, y_most = 0;
  for (const auto& line : lines)
    for (const auto& [x, y] : line.points) {
      x_max = std::max(x_max, x);
      y_most = std::max(y_most, y);
    }
  const double y_max = round_up(y_most);
  const auto x_at = [&](double x) { return left + (width - left - right) * x / x_max; };
  std::vector<double> marks;
  for (int i = 0; i <= 5; ++i) marks.push_back(x_max * i / 5);
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">", width, height);
  svg += frame([](double x) { return fmt::format("{:.0f} s", x); }, y_label, x_max, y_max, marks,
               [&](double x) { return fmt::format("{:.1f}", x_at(x)); });
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::pair<double, double>> points;
    for (const auto& [x, y] : lines[i].points) points.emplace_back(x_at(x), top + (height - top - bottom) * (1 - y / y_max));
    svg += path_of(points, colours[i % colours_count]);
  }
  return svg + "</svg>" + key_of(lines);
}

// Values by percentile; the axis gets finer towards 100, the values are logarithmic.
std::string by_percentile(const Report& report) {
  const double halvings = 17;
  const auto x_of = [&](double percent) {
    const double rest = std::max(1e-5, 1 - percent / 100);
    return std::min(halvings, std::log2(1 / rest)) / halvings;
  };
  double least = 1e12, most = 1;
  std::vector<Line> lines;
  for (std::size_t i = 0; i < legs_count; ++i) {
    const auto& histogram = report.legs.histograms[i];
    if (histogram.count() == 0) continue;
    Line line{std::string(leg_words[i].title), {}};
    for (const auto& step : histogram.steps()) {
      const double value = std::max<double>(1, static_cast<double>(step.value));
      line.points.emplace_back(x_of(step.percent), value);
      least = std::min(least, value);
      most = std::max(most, value);
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return "<p>Nothing was measured.</p>";
  const double low = std::floor(std::log10(least));
  const double high = std::max(low + 1, std::ceil(std::log10(most)));
  const auto x_at = [&](double share) { return left + (width - left - right) * share; };
  const auto y_at = [&](double value) { return top + (height - top - bottom) * (1 - (std::log10(value) - low) / (high - low)); };
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">", width, height);
  for (double power = low; power <= high; ++power) {
    const double y = y_at(std::pow(10, power));
    svg += fmt::format("<line x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#e5e7eb\"/>", left, width - right, y);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", left - 8, y + 4, time_text(std::pow(10, power)));
  }
  for (const double percent : {0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999})
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{} %</text>", x_at(x_of(percent)), height - 12, percent);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::pair<double, double>> points;
    for (const auto& [x, y] : lines[i].points) points.emplace_back(x_at(x), y_at(y));
    svg += path_of(points, colours[i % colours_count]);
  }
  return svg + "</svg>" + key_of(lines);
}

template <class Value>
Line line_of(const Report& report, std::string name, Value value) {
  Line line{std::move(name), {}};
  for (const auto& moment : report.timeline) line.points.emplace_back(moment.at_s, value(moment));
  return line;
}

std::string plots(const Report& report) {
  const auto count = [](double value) { return fmt::format("{:.0f}", value); };
  std::vector<Line> fleet{line_of(report, "connected", [](const Moment& moment) { return static_cast<double>(moment.tally.connected); })};
  for (std::size_t i = 1; i < outcomes_count; ++i)
    if (report.tally.outcomes[i] > 0)
      fleet.push_back(line_of(report, std::string(to_string(static_cast<OutcomeKind>(i))),
                              [i](const Moment& moment) { return static_cast<double>(moment.tally.outcomes[i]); }));
  std::vector<Line> phases;
  for (std::size_t i = 1; i < phases_count; ++i)
    phases.push_back(line_of(report, std::string(to_string(static_cast<Phase>(i))),
                             [i](const Moment& moment) { return static_cast<double>(moment.tally.phases[i]); }));
  const std::vector<Line> rates{line_of(report, "from nodes", [](const Moment& moment) { return moment.out_per_s; }),
                                line_of(report, "to nodes", [](const Moment& moment) { return moment.in_per_s; })};
  std::vector<Line> cpu, memory;
  for (std::size_t i = 0; i < report.watched.size(); ++i) {
    cpu.push_back(
        line_of(report, report.watched[i].name, [i](const Moment& moment) { return i < moment.others.size() ? moment.others[i].cpu : 0; }));
    memory.push_back(line_of(report, report.watched[i].name, [i](const Moment& moment) {
      return i < moment.others.size() ? static_cast<double>(moment.others[i].resident) : 0;
    }));
  }
  std::string page;
  page += "<h2>Legs by percentile</h2>" + by_percentile(report);
  page += "<h2>Nodes</h2>" + over_time(fleet, count);
  page += "<h2>Phases</h2>" + over_time(phases, count);
  page += "<h2>Messages a second</h2>" + over_time(rates, count);
  page += "<h2>CPU, cores</h2>" + over_time(cpu, [](double value) { return fmt::format("{:.2f}", value); });
  page += "<h2>Memory</h2>" + over_time(memory, [](double value) { return bytes_text(value); });
  return page;
}

std::string row(const std::vector<std::string>& cells, const char* tag = "td") {
  std::string text = "<tr>";
  for (const auto& cell : cells) text += fmt::format("<{0}>{1}</{0}>", tag, escaped(cell));
  return text + "</tr>";
}

std::string tables(const Report& report) {
  std::string page = "<h2>Outcomes</h2><table>";
  for (std::size_t i = 1; i < outcomes_count; ++i)
    page += row({std::string(to_string(static_cast<OutcomeKind>(i))), std::to_string(report.tally.outcomes[i])});
  for (const auto& [reason, count] : report.tally.reasons)
    if (reason.find(' ') != std::string::npos) page += row({"– " + reason, std::to_string(count)});
  page += "</table><h2>Legs</h2><table>" + row({"", "count", "p50", "p90", "p99", "p99.9", "max"}, "th");
  for (std::size_t i = 0; i < legs_count; ++i) {
    const auto& histogram = report.legs.histograms[i];
    std::vector<std::string> cells{std::string(leg_words[i].title), std::to_string(histogram.count())};
    for (const double percent : {50.0, 90.0, 99.0, 99.9, 100.0})
      cells.push_back(histogram.count() == 0 ? "–" : time_text(static_cast<double>(histogram.percentile(percent))));
    page += row(cells);
  }
  page += "</table><h2>Losses</h2><table>";
  const auto& losses = report.losses;
  page += row({"not acknowledged", std::to_string(losses.unacknowledged)}) +
          row({"acknowledged and missing", std::to_string(losses.missing)}) + row({"gaps noted", std::to_string(losses.gaps)}) +
          row({"of another journal", std::to_string(losses.other_journals)});
  page += "</table>";
  for (const auto& example : losses.examples) page += "<p><code>" + escaped(example) + "</code></p>";
  page += "<h2>Processes</h2><table>" + row({"", "CPU", "memory at the end", "at most"}, "th");
  for (const auto& watched : report.watched)
    page += row({watched.name, fmt::format("{:.1f} s", watched.cpu_s), bytes_text(static_cast<double>(watched.resident_end)),
                 bytes_text(static_cast<double>(watched.resident_max))});
  page += "</table>";
  const auto& traffic = report.traffic;
  page += "<h2>On the bus</h2><table>" + row({"", "from nodes", "to nodes"}, "th") +
          row({"messages", std::to_string(traffic.messages_out), std::to_string(traffic.messages_in)}) +
          row({"packets", std::to_string(traffic.packets_out), std::to_string(traffic.packets_in)}) +
          row({"bytes of payloads", bytes_text(static_cast<double>(traffic.payload_out)),
               bytes_text(static_cast<double>(traffic.payload_in))}) +
          row({"bytes", bytes_text(static_cast<double>(traffic.bytes_out)), bytes_text(static_cast<double>(traffic.bytes_in))}) +
          "</table>";
  return page;
}

std::string comparison(const Earlier& earlier, const Report& report) {
  std::string page = fmt::format("<h2>Beside the run of {}, version {}</h2><table>", escaped(earlier.began_at), escaped(earlier.version));
  page += row({"figure", "then", "now", "ratio"}, "th");
  for (const auto& figure : figures_of(report))
    for (const auto& before : earlier.figures)
      if (before.name == figure.name)
        page += row({figure.name, fmt::format("{:.1f}", before.value), fmt::format("{:.1f}", figure.value),
                     before.value > 0 ? fmt::format("{:.2f}", figure.value / before.value) : "–"});
  return page + "</table>";
}

}  // namespace

std::string html_of(const Report& report, const std::optional<Earlier>& earlier) {
  std::string page =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">";
  page += fmt::format("<title>abide-node-fleet, {} nodes</title><style>{}</style></head><body>", report.nodes, style);
  page += fmt::format(
      "<h1>{} nodes, {:.0f} s: <span class=\"{}\">{}</span></h1>", report.nodes, report.took_s, report.clean() ? "good" : "bad",
      report.losses.all() > 0 ? fmt::format("{} lost", report.losses.all()) : escaped(to_string(report.ending)) + ", nothing lost");
  page += fmt::format("<p class=\"sub\">{} · seed {} · {} · {} of memory a node</p><p class=\"sub\"><code>{}</code></p>",
                      escaped(report.began_at), report.seed, escaped(report.version),
                      bytes_text(static_cast<double>(report.bytes_per_node)), escaped(report.command));
  page += tables(report) + plots(report);
  if (earlier) page += comparison(*earlier, report);
  return page + "</body></html>\n";
}

}  // namespace abide::node_fleet
