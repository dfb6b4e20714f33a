// Who is logged in: says so with a button to log out, and leads to the login once the session is over.

import { element } from "./elements.js";
import { route } from "./stream.js";

/** As `fetch` of one of this service's routes; where a login is needed and there is none, the page goes there. */
export async function ask(address, options) {
  const answer = await fetch(address, options);
  if (answer.status === 401) location.assign(route("login"));
  return answer;
}

/** Show in a place who is logged in; nothing where no login is needed. */
export async function showSession(place) {
  const answer = await ask(route("session"), { cache: "no-store" });
  if (!answer.ok) return;
  const { name, session } = await answer.json();
  if (!name) return;
  const out = element("button", { type: "button", id: "logout" }, "Log out");
  out.addEventListener("click", logOut);
  place.replaceChildren(name, " ", ...(session ? [out] : []));
  place.hidden = false;
}

async function logOut() {
  await fetch(route("session"), { method: "DELETE" });
  location.assign(route("login"));
}
