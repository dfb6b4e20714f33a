// One live stream: a WebSocket that comes back by itself, and asks for what it missed.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

/** The address of a route of this service, relative to the page, so that a proxy may add a prefix. */
export function route(path, parameters = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) url.searchParams.append(name, one);
  }
  return url;
}

/** How long to wait before the next attempt: doubles from try to try, spread so that pages do not come back together. */
export function delayBefore(attempt, random = Math.random) {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return longest / 2 + (longest / 2) * random();
}

export class Stream {
  #attempt = 0;
  #timer = null;
  #run = null;
  #seq = null;

  /**
   * @param path route of the stream, for example "ws/alerts"
   * @param handlers onState(state, seconds), onMissed() when messages were lost, onMessage(message)
   * @param parameters fixed query parameters
   */
  constructor(path, handlers, { parameters = {}, replays = false } = {}) {
    Object.assign(this, { path, handlers, parameters, replays });
    addEventListener("online", () => this.#connectNow());
  }

  open() {
    const since = this.replays && this.#seq !== null ? { since_seq: this.#seq } : {};
    const url = route(this.path, { ...this.parameters, ...since });
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    socket.onmessage = (event) => this.#receive(JSON.parse(event.data));
    socket.onclose = () => this.#comeBack();
  }

  #receive(message) {
    if (message.type === "hello") return this.#greet(message);
    this.#seq = message.seq;
    if (message.type === "gap") return this.handlers.onMissed();
    this.handlers.onMessage(message);
  }

  #greet({ stream, seq }) {
    const isAnother = this.#run !== stream; // the first one, too: what came while it was being opened was missed
    if (isAnother || this.#seq === null) this.#seq = seq;
    this.#run = stream;
    this.#attempt = 0;
    this.handlers.onState("live");
    if (isAnother) this.handlers.onMissed();
  }

  #comeBack() {
    const delay = delayBefore(this.#attempt++);
    this.handlers.onState("waiting", Math.ceil(delay / 1000));
    this.#timer = setTimeout(() => this.#connectNow(), delay);
  }

  #connectNow() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.open();
  }
}
