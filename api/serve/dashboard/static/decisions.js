// What prevention suggests, each to be confirmed or dismissed in one click, and the kill switch.

import { element, span, time } from "./elements.js";
import { untilFree } from "./hand.js";
import { ask } from "./session.js";
import { route } from "./stream.js";

const MOST = 50;
const POST = { method: "POST", headers: { "Content-Type": "application/json" } };

export class Suggestions {
  #asked = 0;
  #shown = new Map();

  /** `places`: list, none (a paragraph), standing (another), problem (a third), kill and resume (buttons). */
  constructor(places) {
    Object.assign(this, places);
    this.kill.addEventListener("click", () => this.#send("decisions/flush"));
    this.resume.addEventListener("click", () => this.#send("decisions/resume"));
  }

  /** Ask what is suggested now; called again whenever a decision has changed. */
  async load() {
    const asked = ++this.#asked;
    try {
      const answers = [route("decisions", { state: "suggested", limit: MOST }), route("decisions/state")].map((address) => ask(address, { cache: "no-store" }));
      const [page, state] = await Promise.all((await Promise.all(answers)).map(read));
      await untilFree(); // the alerts stand below
      if (asked === this.#asked) this.#show(page.decisions, state);
    } catch (error) {
      if (asked === this.#asked) this.#complain(error);
    }
  }

  #show(decisions, { mode, flushed, decisions: { active = 0 } }) {
    const wanted = new Map(decisions.map((decision) => [decision.id, decision]));
    const hadFocus = this.list.contains(document.activeElement);
    for (const [id, item] of this.#shown) {
      if (wanted.has(id)) continue;
      item.remove();
      this.#shown.delete(id);
    }
    for (const [id, decision] of [...wanted].reverse()) { // the newest on top; what is there stays the same element
      if (this.#shown.has(id)) continue;
      this.#shown.set(id, this.#item(decision));
      this.list.prepend(this.#shown.get(id));
    }
    this.none.hidden = wanted.size > 0;
    this.standing.textContent = flushed
      ? "The kill switch was used: prevention only observes until it is resumed."
      : `Mode ${mode}; ${active} ${active === 1 ? "decision is" : "decisions are"} active.`;
    this.resume.hidden = !flushed;
    this.kill.hidden = flushed;
    if (hadFocus && !this.list.contains(document.activeElement)) this.#focusNext();
  }

  /** Who works by keyboard goes on where the next one is. */
  #focusNext() {
    (this.list.querySelector("button") ?? this.list).focus();
  }

  #item(decision) {
    const { id, action, device, peer, domain, sentence, rule, made_at: made, until } = decision;
    const what = `${action} ${[device, peer, domain].filter(Boolean).join(" with ")}`;
    return element("li", { "data-id": id },
      element("p", {}, element("b", {}, what), ` for ${span(Math.round(until - made))}`),
      element("p", { class: "why" }, sentence, " ", element("span", { class: "quiet" }, rule ? `rule ${rule}, ` : "", time(made))),
      element("p", {},
        this.#button("Confirm", what, `decisions/${encodeURIComponent(id)}/confirm`),
        " ",
        this.#button("Dismiss", what, `decisions/${encodeURIComponent(id)}/revoke`, { reason: "dismissed on the page" })));
  }

  #button(word, what, path, body) {
    const made = element("button", { type: "button", "aria-label": `${word}: ${what}` }, word);
    made.addEventListener("click", () => this.#send(path, body));
    return made;
  }

  async #send(path, body) {
    this.problem.hidden = true;
    try {
      await read(await ask(route(path), body ? { ...POST, body: JSON.stringify(body) } : { method: "POST" }));
      await this.load();
    } catch (error) {
      await this.load();
      this.#complain(error);
    }
  }

  #complain(error) {
    this.problem.textContent = `That could not be done: ${error.message}`;
    this.problem.hidden = false;
  }
}

async function read(answer) {
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail ?? answer.statusText);
  return said;
}
