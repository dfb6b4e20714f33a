// Builds page elements. Text goes in as text, never as markup: what logs contain is data.

/** An element with attributes and children; a child that is a string becomes text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined).map(asNode));
  return made;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/** A log time in the reader's own zone; the exact time in UTC is its title. */
export function time(epochSeconds) {
  const date = new Date(epochSeconds * 1000);
  if (Number.isNaN(date.getTime())) return element("span", {}, "unknown time");
  const iso = date.toISOString();
  return element("time", { datetime: iso, title: iso }, date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" }));
}

/** A number short enough to read. */
export function number(value) {
  if (typeof value !== "number") return "–";
  return value.toLocaleString(undefined, { maximumSignificantDigits: 4 });
}

/** A span of seconds in the largest unit that keeps it above one. */
export function span(seconds) {
  if (typeof seconds !== "number") return "–";
  for (const [unit, size] of [["d", 86_400], ["h", 3600], ["min", 60]]) {
    if (seconds >= size) return `${number(Math.round((seconds / size) * 10) / 10)} ${unit}`;
  }
  return `${number(Math.round(seconds * 10) / 10)} s`;
}
