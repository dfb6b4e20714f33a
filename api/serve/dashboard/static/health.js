// Asks /health every two seconds, and shows the state of each stage and how far behind it is.

import { element, number, span, time } from "./elements.js";
import { untilFree } from "./hand.js";
import { ask } from "./session.js";
import { route } from "./stream.js";

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;
const EPOCH = /(_at|(^|_)ts)$/;

/** Keep `overall` (a state), `reasons` (a list) and `stages` (a definition list) up to date; `onHealth` gets each answer. */
export function watchHealth({ overall, reasons, stages, onHealth = () => {} }) {
  const look = async () => {
    try {
      const answer = await ask(route("health"), { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" });
      const health = await answer.json();
      await untilFree(); // the alerts stand below, and move with what is said here
      say(overall, health.status);
      reasons.replaceChildren(...health.reasons.map((reason) => element("li", {}, reason)));
      stages.replaceChildren(...stagesOf(health).map(stage));
      onHealth(health);
    } catch {
      await untilFree();
      say(overall, "no answer");
      forget(reasons, stages);
      onHealth(null);
    }
    setTimeout(look, EVERY_MS);
  };
  return look();
}

/** What a service said that does not answer any more is not true any more. */
function forget(reasons, stages) {
  reasons.replaceChildren(element("li", {}, "The service does not answer. It is stopped, or cannot be reached from here."));
  for (const { firstElementChild: term } of stages.children) say(term.querySelector(".state"), "unknown");
}

function say(place, state) {
  if (place.textContent === state) return; // a screen reader speaks of changes only
  place.textContent = state;
  place.dataset.state = state;
}

/** All stages by name; each sink is one of its own. */
function stagesOf({ stages: { sinks, ...others } }) {
  const there = Object.entries(others).filter(([, facts]) => facts !== null);
  return [...there, ...sinks.map(({ name, ...facts }) => [`sink ${name}`, facts])];
}

function stage([name, { state, ...facts }]) {
  return element("div", { class: "stage" },
    element("dt", {}, name, element("span", { class: "state", "data-state": state }, state)),
    ...Object.entries(facts).map(([key, value]) => line(key, shown(key, value))));
}

function line(key, value) {
  if (value === null) return null;
  return element("dd", {}, label(key), element("b", {}, value));
}

/** `lag_s` is "behind", `lag_records` is "records waiting", `checkpoint_age_s` is "checkpoint age". */
function label(key) {
  if (key === "lag_s") return "behind";
  return key.replace(/^lag_(.*)$/, "$1_waiting").replace(/_s$/, "").replaceAll("_", " ");
}

/** What to print for a fact; null if there is nothing worth a line. */
function shown(key, value) {
  if (value === null || value === "") return null;
  if (key === "later") return value.map(later).join("; ") || null;
  if (Array.isArray(value)) return value.filter((one) => typeof one === "string").join("; ") || null;
  if (typeof value === "object") return several(value);
  if (typeof value !== "number") return String(value);
  if (EPOCH.test(key)) return time(value);
  return key.endsWith("_s") ? span(Math.max(0, value)) : number(value);
}

/** What cannot be told yet: from when on it can, or how much must be seen before that. */
function later({ what, from_ts: from, in_s: missing }) {
  return `${what} ${from === null ? `after ${span(missing)} of traffic` : `from ${time(from)} on`}`;
}

function several(values) {
  return Object.entries(values).map(([key, value]) => `${key} ${shown(key, value)}`).join(", ") || null;
}
