// Asks /budget once a minute, and shows what the alert budget means and what one alert a day more or less would.

import { element, number } from "./elements.js";
import { untilFree } from "./hand.js";
import { ask } from "./session.js";
import { route } from "./stream.js";

const EVERY_MS = 60_000;
const AGAIN_MS = 2000;
const PATIENCE_MS = 5000;

/** Keep `rows` (a table's body) and `note` (a paragraph) up to date. */
export function watchBudget({ rows, note }) {
  const look = async () => {
    let wait = AGAIN_MS;
    try {
      const answer = await ask(route("budget"), { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      const { choices } = await answer.json();
      await untilFree(); // the alerts stand below
      rows.replaceChildren(...choices.map(row));
      note.textContent = explained(choices.find(({ name }) => name === "now"));
      wait = EVERY_MS;
    } catch {
      await untilFree();
      note.textContent = "No answer yet.";
    }
    setTimeout(look, wait);
  };
  return look();
}

function row({ name, budget_per_day, alerts_per_day, kinds }) {
  return element("tr", { "data-name": name },
    element("th", { scope: "row" }, name),
    element("td", {}, number(budget_per_day)),
    element("td", {}, alerts_per_day === null ? "unknown" : number(alerts_per_day)),
    element("td", {}, Object.entries(kinds).map(([kind, { threshold }]) => `${kind} ${oneIn(threshold)}`).join(", ")));
}

/** 3.3 decades are "1 in 2,000". */
function oneIn(decades) {
  return `1 in ${Number((10 ** decades).toPrecision(2)).toLocaleString()}`;
}

function explained({ kinds }) {
  const days = Object.entries(kinds).map(([kind, found]) => `${kind} ${found.days}`).join(", ");
  return `Told a day: devices that these thresholds would have told, on the days counted (${days}; three are needed). ` +
    "Records as rare as this among ordinary ones count towards an alert.";
}
