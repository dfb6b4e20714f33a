// Which alerts are wanted: what the form says, as the server is asked for it, as live alerts are held against it, as the
// page's address keeps it.

const SEVERITIES = ["low", "medium", "high", "critical"];

export class Filters {
  constructor(form) {
    this.form = form;
    this.#takeFromAddress();
  }

  /** Whether anything is left out. */
  get any() {
    return Object.keys(this.#said()).length > 0;
  }

  /** The query parameters of /alerts. */
  parameters() {
    const { q, severity, open } = this.#said();
    return { ...(q && { q }), ...(severity && { severity: this.#enough(severity) }), ...(open && { status: "open" }) };
  }

  /** Whether the server would list this alert; the same as in its store. */
  wants({ device, label, host_name, behaviour, sentence, severity: found, status }) {
    const { q, severity, open } = this.#said();
    const texts = [device, label ?? "", host_name ?? "", behaviour, sentence].map((text) => text.toLowerCase());
    return (!q || texts.some((text) => text.includes(q.toLowerCase())))
      && (!severity || this.#enough(severity).includes(found)) && (!open || status === "open");
  }

  /** Have the page's address name the filters, so that it can be kept, sent on and reloaded. */
  keepInAddress() {
    const url = new URL(location.href);
    url.search = new URLSearchParams(this.#said()).toString();
    history.replaceState(null, "", url);
  }

  #takeFromAddress() {
    const { q, severity, open } = this.form.elements;
    const said = new URLSearchParams(location.search);
    q.value = said.get("q") ?? "";
    severity.value = SEVERITIES.includes(said.get("severity")) ? said.get("severity") : "";
    open.checked = said.get("open") === "1";
  }

  #said() {
    const { q, severity, open } = this.form.elements;
    const text = q.value.trim();
    return { ...(text && { q: text }), ...(severity.value && { severity: severity.value }), ...(open.checked && { open: "1" }) };
  }

  #enough(least) {
    return SEVERITIES.slice(SEVERITIES.indexOf(least));
  }
}
