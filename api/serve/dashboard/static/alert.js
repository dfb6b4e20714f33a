// One alert: a line that says what happened, and behind it the details that explain it.

import { element, number, time } from "./elements.js";
import { ask } from "./session.js";
import { route } from "./stream.js";

const TECHNIQUE = /^T\d{4}(\.\d{3})?$/;

/** A list entry for an alert, folded. */
export function alertEntry(alert) {
  const details = element("details", {}, summary(alert), body(alert));
  return element("li", { class: "alert", "data-id": alert.id, "data-severity": alert.severity, "data-status": alert.status }, details);
}

function summary(alert) {
  return element("summary", {},
    element("span", { class: "severity", "data-severity": alert.severity }, alert.severity),
    element("span", { class: "sentence" }, alert.sentence || `${alert.device}: ${alert.behaviour}`),
    element("span", { class: "meta" },
      element("span", { class: "device" }, alert.device), " · ", alert.behaviour, " · ", time(alert.ts), " · ",
      `${number(alert.count)} ${isOwn(alert) ? "decision" : "record"}${alert.count === 1 ? "" : "s"}`,
      alert.status === "closed" ? " · closed" : null));
}

function body(alert) {
  return element("div", { class: "body" }, feedback(alert), reasons(alert.reasons ?? [], isOwn(alert)), facts(alert));
}

/** Whether the service tells of itself: no model has raised it, and nothing is to be learned of it. */
function isOwn({ log }) {
  return log === "prevention";
}

/** What was said of the alert and a button to change that, or two buttons to say it; the stream brings the answer. */
function feedback(alert) {
  const problem = element("span", { role: "status", "data-own": "" });
  if (isOwn(alert)) {
    if (alert.verdict || alert.status === "closed") return null;
    return element("p", { class: "feedback" }, verdict("expected", "Seen: close it"), " ", problem);
  }
  if (!alert.verdict) return element("p", { class: "feedback" }, "What was it? ", verdict("expected", "Expected"), verdict("attack", "Attack"), " ", problem);
  const [other, label] = alert.verdict === "attack" ? ["expected", "No, it was expected"] : ["attack", "No, it was an attack"];
  const said = `Called ${alert.verdict}${alert.comment ? `: ${alert.comment}` : ""}`;
  return element("p", { class: "feedback" }, element("span", {}, said), " ", verdict(other, label, true), " ", problem);
}

function verdict(name, label, revises = false) {
  const title = revises ? { title: "From now on; what was learned meanwhile stays learned" } : {};
  return element("button", { type: "button", "data-verdict": name, "data-revises": revises, ...title }, label);
}

/** Have the buttons of all alerts in a list say what they stand for. One listener, so that updates need not add any. */
export function takeVerdicts(list) {
  list.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-verdict]");
    if (button) say(button.closest("[data-id]").dataset.id, button);
  });
}

async function say(id, button) {
  const problem = button.closest(".feedback").querySelector("[role=status]");
  const { verdict, revises } = button.dataset;
  try {
    const answer = await ask(route(`alerts/${encodeURIComponent(id)}/feedback`), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ verdict, revise: revises === "true" }),
    });
    if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.statusText);
    problem.textContent = "";
  } catch (error) {
    problem.textContent = `That could not be stored: ${error.message}`;
  }
}

function reasons(all, own) {
  if (!all.length) return own ? null : element("p", {}, "No single feature stands out.");
  const head = ["What", "Usual", "Observed", "Part of the score"].map((text) => element("th", { scope: "col" }, text));
  return element("table", {},
    element("caption", {}, "Why"),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...all.map(reasonRow)));
}

function reasonRow({ feature, text, usual, observed, weight }) {
  const part = typeof weight === "number" ? weight.toFixed(2) : "–";
  return element("tr", {},
    element("th", { scope: "row" }, text || feature, text && !text.startsWith(feature) ? element("small", {}, feature) : null),
    element("td", {}, number(usual)),
    element("td", {}, number(observed)),
    element("td", {}, element("meter", { min: 0, max: 1, value: weight, "aria-hidden": "true" }), " ", part));
}

function facts(alert) {
  return element("dl", { class: "facts" },
    ...fact("Device", device(alert)),
    ...fact("Score", number(alert.score)),
    ...fact("Second opinion", alert.second_opinion ? opinion(alert.second_opinion) : null),
    ...fact("Log", alert.log),
    ...fact("First record", time(alert.first_ts)),
    ...fact("Last record", time(alert.last_ts)),
    ...fact("ATT&CK technique", alert.technique ? technique(alert.technique) : null),
    ...fact("Peers", alert.peers?.length ? list(alert.peers) : null),
    ...fact("Records (uid)", alert.uids?.length ? list(alert.uids) : null),
    ...fact("Identifier", element("code", {}, alert.id)));
}

/** Its address, and its name and MAC as far as they were known then. */
function device({ device: address, label, host_name, mac }) {
  return [address, label, host_name, mac].filter(Boolean).join(" · ");
}

function opinion({ probability, accuracy, labels }) {
  const percent = (share) => `${Math.round(100 * share)} %`;
  return `attack with ${percent(probability)} (right in ${percent(accuracy)} of ${number(labels)} verdicts)`;
}

function fact(name, value) {
  return value === null ? [] : [element("div", {}, element("dt", {}, name), element("dd", {}, value))];
}

function list(values) {
  return element("ul", {}, ...values.map((value) => element("li", {}, element("code", {}, value))));
}

function technique(id) {
  if (!TECHNIQUE.test(id)) return document.createTextNode(id);
  const address = `https://attack.mitre.org/techniques/${id.replace(".", "/")}/`;
  return element("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, id);
}
