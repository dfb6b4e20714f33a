// Puts the page together: health by asking, alerts and scores by listening.

import { AlertList } from "./alerts.js";
import { watchBudget } from "./budget.js";
import { ScoreChart } from "./chart.js";
import { Suggestions } from "./decisions.js";
import { watchHealth } from "./health.js";
import { showSession } from "./session.js";
import { Stream } from "./stream.js";

const place = (id) => document.getElementById(id);

function showConnection(state, seconds) {
  place("connection").dataset.state = state;
  place("connection").textContent = state === "live" ? "live" : `connection lost, next try in ${seconds} s`;
}

const alerts = new AlertList({
  form: place("filters"), list: place("alerts"), older: place("older"), none: place("no-alerts"), count: place("alert-count"),
  devices: place("devices"), problem: place("problem"), announcement: place("announcement"),
});
const chart = new ScoreChart(place("chart"), place("chart-caption"));

new Stream("ws/alerts", {
  onState: showConnection,
  onMissed: () => alerts.load(),
  onMessage: (message) => alerts.update(message),
}, { replays: true }).open();

new Stream("ws/scores", {
  onState: () => {},
  onMissed: () => {}, // a hole in the chart's past changes no alert
  onMessage: ({ scores }) => chart.add(scores),
}).open();

const suggestions = new Suggestions({
  list: place("suggestions"), none: place("no-suggestions"), standing: place("decisions-standing"),
  problem: place("decisions-problem"), kill: place("kill"), resume: place("resume"),
});

new Stream("ws/events", {
  onState: () => {},
  onMissed: () => suggestions.load(),
  onMessage: ({ type }) => { if (type === "decision" || type === "prevention") suggestions.load(); },
}, { replays: true }).open();

alerts.load();
showSession(place("session"));
watchBudget({ rows: place("budget"), note: place("budget-note") });
watchHealth({ overall: place("health"), reasons: place("reasons"), stages: place("stages"), onHealth: (health) => alerts.explain(health) });
