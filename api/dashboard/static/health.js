// Asks /health every two seconds, and shows the state of each stage and how far behind the log it is.

import { element, number, span } from "./elements.js";
import { route } from "./stream.js";

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;

export function watchHealth(overall, stages) {
  const ask = async () => {
    try {
      const answer = await fetch(route("health"), { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" });
      show(await answer.json(), overall, stages);
    } catch {
      say(overall, "no answer", "down");
    }
    setTimeout(ask, EVERY_MS);
  };
  return ask();
}

function show(health, overall, stages) {
  say(overall, health.status, health.status);
  stages.replaceChildren(...Object.entries(health.stages ?? {}).map(stage));
}

function say(place, text, state) {
  place.textContent = text;
  place.dataset.state = state;
}

function stage([name, { state, ...facts }]) {
  const lines = Object.entries(facts).filter(([, value]) => value !== null && typeof value !== "object");
  return element("div", { class: "stage" },
    element("dt", {}, name, " ", element("span", { class: "state", "data-state": state }, state)),
    ...lines.map(([key, value]) => element("dd", {}, label(key), element("b", {}, shown(key, value)))));
}

function label(key) {
  return key.replace(/_s$/, "").replaceAll("_", " ");
}

function shown(key, value) {
  if (typeof value !== "number") return value;
  return key.endsWith("_s") ? span(value) : number(value);
}
