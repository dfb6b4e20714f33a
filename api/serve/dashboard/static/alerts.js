// The list of alerts: newest first, page by page from /alerts, kept up to date by /ws/alerts.

import { alertEntry, takeVerdicts } from "./alert.js";
import { element, number } from "./elements.js";
import { Filters } from "./filters.js";
import { patch } from "./patch.js";
import { ask } from "./session.js";
import { route } from "./stream.js";

const PAGE = 50;
const KEPT_LIVE = 500; // what was asked for by "Show older" is kept beside them
const MOST_DEVICES = 200;
const SMALLEST_STEP_S = 0.001;

export class AlertList {
  #shown = new Map(); // identifier to alert
  #devices = new Set();
  #older = null; // query parameters that lead to the next page; null after the last
  #most = KEPT_LIVE;
  #asked = 0;
  #health = undefined; // null while the service does not answer

  constructor(places) {
    Object.assign(this, places);
    this.filters = new Filters(this.form);
    this.form.addEventListener("change", () => this.#refilter());
    this.form.addEventListener("reset", () => setTimeout(() => this.#refilter())); // after the fields are empty
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#refilter(); });
    this.older.addEventListener("click", () => this.#fetchPage(this.#older));
    takeVerdicts(this.list);
  }

  /** Start over from the newest alert. */
  load() {
    return this.#fetchPage(null);
  }

  /** Take what /health said last, or null if it did not answer: it decides what an empty list means. */
  explain(health) {
    this.#health = health;
    this.#sayWhyNone();
  }

  #refilter() {
    this.filters.keepInAddress();
    this.#most = KEPT_LIVE;
    return this.load();
  }

  async #fetchPage(older) {
    const asked = ++this.#asked;
    try {
      const answer = await ask(route("alerts", { limit: PAGE, ...this.filters.parameters(), ...older }));
      const page = await answer.json();
      if (asked !== this.#asked) return; // a newer question is under way
      if (!answer.ok) throw new Error(page.detail ?? answer.statusText);
      this.#showPage(page, older === null);
    } catch (error) {
      if (asked === this.#asked) this.#complain(`The alerts could not be read: ${error.message}`);
    }
  }

  #showPage(page, fromStart) {
    this.problem.hidden = true;
    const live = fromStart ? this.#newerThan(page.alerts[0]) : [];
    if (fromStart) this.#shown.clear();
    for (const alert of [...live, ...page.alerts]) this.#keep(alert);
    this.#older = page.next_cursor ? { cursor: page.next_cursor } : null;
    if (!fromStart) this.#most = Math.max(this.#most, this.#shown.size);
    this.#render();
  }

  /** What the stream told while the page was on its way stays, if it is wanted and newer. */
  #newerThan(newest) {
    return [...this.#shown.values()].filter((alert) => this.filters.wants(alert) && (!newest || alert.ts > newest.ts));
  }

  /** Take one change from the stream. */
  update({ type, change, alert, drift }) {
    if (type === "drift") return this.#announceDrift(change, drift);
    if (change === "muted") return this.#hide(alert.id);
    this.#remember(alert.device);
    if (change === "raised") this.announcement.textContent = `New ${alert.severity} alert: ${alert.sentence}`;
    if (this.filters.wants(alert) || this.#isInHand(alert.id)) this.#place(alert);
    else this.#forget(alert.id);
    this.#count();
  }

  /** A rule mutes it: it is gone, for whoever is at it as well. */
  #hide(id) {
    this.#forget(id);
    this.#count();
  }

  /** A drift stands for alerts that are not sent one by one; they are listed when the page asks. */
  #announceDrift(change, { sentence }) {
    if (change === "raised") this.announcement.textContent = `Change of the whole site: ${sentence}`;
    this.load();
  }

  #keep(alert) {
    this.#shown.set(alert.id, alert);
    this.#remember(alert.device);
  }

  #place(alert) {
    const entry = this.#entry(alert.id);
    this.#shown.set(alert.id, alert);
    if (entry) return this.#refresh(entry, alert);
    this.list.insertBefore(alertEntry(alert), this.#firstOlderThan(alert));
    this.#trim();
  }

  #refresh(entry, alert) {
    const focused = entry.contains(document.activeElement);
    patch(entry, alertEntry(alert));
    if (focused && !entry.contains(document.activeElement)) entry.querySelector("summary").focus(); // its button is gone
  }

  /** Whether somebody is at it: what was just answered does not vanish from under the hand. */
  #isInHand(id) {
    return this.#entry(id)?.contains(document.activeElement) ?? false;
  }

  #firstOlderThan(alert) {
    return [...this.list.children].find((entry) => this.#shown.get(entry.dataset.id).ts <= alert.ts) ?? null;
  }

  /** The oldest leave when the list grows by itself; they are on the server still, and "Show older" leads to them. */
  #trim() {
    while (this.list.childElementCount > this.#most) {
      this.#forget(this.list.lastElementChild.dataset.id);
      const { ts } = this.#shown.get(this.list.lastElementChild.dataset.id);
      this.#older = { until: ts + SMALLEST_STEP_S }; // alerts of the same moment come twice, and are shown once
    }
  }

  #forget(id) {
    this.#shown.delete(id);
    this.#entry(id)?.remove();
  }

  #entry(id) {
    return this.list.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`);
  }

  #render() {
    const entries = new Map([...this.list.children].map((entry) => [entry.dataset.id, entry]));
    const sorted = [...this.#shown.values()].sort((a, b) => b.ts - a.ts);
    for (const [id, entry] of entries) if (!this.#shown.has(id)) entry.remove();
    sorted.forEach((alert, index) => this.#settle(alert, entries.get(alert.id), this.list.children[index]));
    this.#count();
  }

  /** Have an alert's entry stand before `next`; one that stands there already is not moved, which would lose the focus. */
  #settle(alert, entry, next = null) {
    if (entry) this.#refresh(entry, alert);
    if (!entry || entry !== next) this.list.insertBefore(entry ?? alertEntry(alert), next);
  }

  #count() {
    this.count.textContent = `${number(this.#shown.size)}${this.#older ? "+" : ""}`;
    this.older.hidden = !this.#older;
    this.#sayWhyNone();
  }

  #sayWhyNone() {
    this.none.hidden = this.#shown.size > 0 || this.#health === undefined;
    this.none.textContent = this.#whyNone();
  }

  #whyNone() {
    if (!this.#health) return "The service does not answer, so its alerts are not known.";
    if (this.filters.any) return "No alert matches these filters.";
    if (this.#health.status !== "ready") return `No alert, but the service is ${this.#health.status}: see Health above.`;
    if (!this.#health.stages.models.records) return "No alert: no record has been scored since the service started.";
    return "No alert. That is the normal state of a quiet network.";
  }

  #remember(device) {
    if (this.#devices.has(device) || this.#devices.size >= MOST_DEVICES) return;
    this.#devices.add(device);
    this.devices.append(element("option", { value: device }));
  }

  #complain(text) {
    this.problem.textContent = text;
    this.problem.hidden = false;
  }
}
