// Follows the alerts of a service, and goes on over lost connections and restarts of it. Node 18 or later, no packages.
//
//   node follow.mjs http://127.0.0.1:8000 [--severity high] [--device 192.168.1.20] [--since 17] [--most 5]
//
// The token, if the service wants one, is read from NSLABS_TOKEN. One line of JSON a message.
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    severity: { type: "string" },
    device: { type: "string", multiple: true },
    since: { type: "string" },
    most: { type: "string" },
  },
});
const token = process.env.NSLABS_TOKEN;
let last = values.since; // id of the last event that was seen
let left = Number(values.most ?? Infinity);

function address() {
  const url = new URL("events", positionals[0].replace(/\/?$/, "/"));
  if (values.severity) url.searchParams.set("severity", values.severity);
  for (const device of values.device ?? []) url.searchParams.append("device", device);
  return url;
}

async function* events(body) {
  let text = "";
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const fields = text.slice(0, end).split("\n").map((line) => line.split(/: (.*)/s));
      text = text.slice(end + 2);
      const event = Object.fromEntries(fields);
      if (event.data) yield { id: event.id, message: JSON.parse(event.data) };
    }
  }
}

async function follow() {
  const headers = { Accept: "text/event-stream" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (last !== undefined) headers["Last-Event-ID"] = last;
  const answer = await fetch(address(), { headers });
  if (!answer.ok) {
    const refused = new Error(`${answer.status}: ${await answer.text()}`);
    refused.isFinal = answer.status < 500 && answer.status !== 429;
    throw refused;
  }
  for await (const { id, message } of events(answer.body)) {
    last = id;
    if (message.type === "hello" || message.type === "position") continue;
    console.log(JSON.stringify(message));
    if (--left <= 0) process.exit(0);
  }
}

for (let tries = 0; ; tries++) {
  const before = last;
  try {
    await follow();
  } catch (error) {
    if (error.isFinal) {
      console.error(error.message);
      process.exit(1);
    }
  }
  if (last !== before) tries = 0;
  await pause(Math.min(15_000, 250 * 2 ** Math.min(tries, 6)) * (0.5 + Math.random() / 2));
}
