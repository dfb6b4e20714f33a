// The list of alerts: newest first, page by page from /alerts, kept up to date by /ws/alerts.

import { alertEntry } from "./alert.js";
import { element, number } from "./elements.js";
import { route } from "./stream.js";

const SEVERITIES = ["low", "medium", "high", "critical"];
const PAGE = 50;
const MOST_SHOWN = 500;
const MOST_DEVICES = 200;

export class AlertList {
  #shown = new Map(); // identifier to alert
  #devices = new Set();
  #cursor = null;
  #asked = 0;

  constructor(places) {
    Object.assign(this, places);
    this.form.addEventListener("change", () => this.load());
    this.form.addEventListener("reset", () => setTimeout(() => this.load())); // after the fields are empty
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.older.addEventListener("click", () => this.#fetchPage(this.#cursor));
  }

  /** Start over from the newest alert. */
  load() {
    this.form.elements.open.checked ? (this.list.dataset.only = "open") : delete this.list.dataset.only;
    return this.#fetchPage(null);
  }

  async #fetchPage(cursor) {
    const asked = ++this.#asked;
    try {
      const answer = await fetch(route("alerts", this.#parameters(cursor)));
      const page = await answer.json();
      if (asked !== this.#asked) return; // a newer question is under way
      if (!answer.ok) throw new Error(page.detail ?? answer.statusText);
      this.#showPage(page, cursor === null);
    } catch (error) {
      if (asked === this.#asked) this.#complain(`The alerts could not be read: ${error.message}`);
    }
  }

  #parameters(cursor) {
    const { device, severity } = this.#wanted();
    return { limit: PAGE, ...(device && { device }), ...(severity && { severity }), ...(cursor && { cursor }) };
  }

  /** What the form asks for; severity is the list of those that are enough, or null for all. */
  #wanted() {
    const { device, severity } = this.form.elements;
    const least = SEVERITIES.indexOf(severity.value);
    return { device: device.value.trim(), severity: least < 0 ? null : SEVERITIES.slice(least) };
  }

  #showPage(page, fromStart) {
    this.problem.hidden = true;
    const live = fromStart ? this.#newerThan(page.alerts[0]) : [];
    if (fromStart) this.#shown.clear();
    for (const alert of [...live, ...page.alerts]) this.#keep(alert);
    this.#cursor = page.next_cursor;
    this.#render();
  }

  /** What the stream told while the page was on its way stays, if it is wanted and newer. */
  #newerThan(newest) {
    return [...this.#shown.values()].filter((alert) => this.#wants(alert) && (!newest || alert.ts > newest.ts));
  }

  #wants(alert) {
    const { device, severity } = this.#wanted();
    return (!device || alert.device === device) && (!severity || severity.includes(alert.severity));
  }

  /** Take one change from the stream. */
  update({ type, change, alert, drift }) {
    if (type === "drift") return this.#announceDrift(change, drift);
    this.#remember(alert.device);
    if (change === "raised") this.announcement.textContent = `New ${alert.severity} alert: ${alert.sentence}`;
    if (!this.#wants(alert)) this.#forget(alert.id);
    else this.#place(alert);
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
    const old = this.#entry(alert.id);
    const entry = alertEntry(alert, old?.firstElementChild.open);
    const focused = old?.contains(document.activeElement);
    this.#shown.set(alert.id, alert);
    old ? old.replaceWith(entry) : this.list.insertBefore(entry, this.#firstOlderThan(alert));
    if (focused) entry.querySelector("summary").focus();
    this.#trim();
  }

  #firstOlderThan(alert) {
    return [...this.list.children].find((entry) => this.#shown.get(entry.dataset.id).ts <= alert.ts) ?? null;
  }

  /** The oldest leave when the list is long; they are on the server still, and the page can be loaded anew. */
  #trim() {
    while (this.list.childElementCount > MOST_SHOWN) this.#forget(this.list.lastElementChild.dataset.id);
  }

  #forget(id) {
    this.#shown.delete(id);
    this.#entry(id)?.remove();
  }

  #entry(id) {
    return this.list.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`);
  }

  #render() {
    const open = new Set([...this.list.querySelectorAll("details[open]")].map((details) => details.parentElement.dataset.id));
    const sorted = [...this.#shown.values()].sort((a, b) => b.ts - a.ts);
    this.list.replaceChildren(...sorted.map((alert) => alertEntry(alert, open.has(alert.id))));
    this.#count();
  }

  #count() {
    this.count.textContent = `${number(this.#shown.size)}${this.#cursor ? "+" : ""}`;
    this.none.hidden = this.#shown.size > 0;
    this.older.hidden = !this.#cursor || this.#shown.size >= MOST_SHOWN;
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
