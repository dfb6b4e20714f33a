// The login: a token is shown once, the browser keeps a session. Who has one already, or needs none, goes on at once.

import { route } from "./stream.js";

const form = document.getElementById("login");
const problem = document.getElementById("problem");

const goOn = () => location.replace(route("."));

/** Links from elsewhere come without the session's cookie, which the browser sends only from a page of ours. */
async function lookForSession() {
  const answer = await fetch(route("session"), { cache: "no-store" });
  if (!answer.ok) return;
  const { login, scopes } = await answer.json();
  if (!login || scopes.includes("read")) goOn();
}

async function logIn(event) {
  event.preventDefault();
  problem.hidden = true;
  try {
    const answer = await fetch(route("session"), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: form.elements.token.value }),
    });
    if (answer.ok) return goOn();
    throw new Error((await answer.json()).detail ?? answer.statusText);
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

form.addEventListener("submit", logIn);
lookForSession();
