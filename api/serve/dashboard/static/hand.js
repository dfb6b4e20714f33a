// Knows whether a button of the mouse, a finger or a pen is down: what somebody is pressing must not move away from under it.

let isDown = false;
let waiting = [];

function release() {
  isDown = false;
  const free = waiting;
  waiting = [];
  setTimeout(() => free.forEach((goOn) => goOn())); // after the click that the release may make
}

addEventListener("pointerdown", () => { isDown = true; }, true);
for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, release, true);

/** Fulfilled as soon as nothing is pressed: at once as a rule. */
export function untilFree() {
  return isDown ? new Promise((goOn) => { waiting.push(goOn); }) : Promise.resolve();
}
