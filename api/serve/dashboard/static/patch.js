// Makes an element like another one, changing only what differs: whoever clicks, types or reads in it is not disturbed.

/** Where the page keeps something of its own, such as a message, or whether details are unfolded. */
const OWN = "data-own";
const KEPT = new Set(["open"]);

/** Make `old` like `fresh`; both are of the same kind. Elements that stay what they are stay the same elements. */
export function patch(old, fresh) {
  if (old.hasAttribute(OWN)) return;
  patchAttributes(old, fresh);
  const [olds, freshs] = [[...old.childNodes], [...fresh.childNodes]];
  freshs.forEach((node, index) => patchChild(old, olds[index], node));
  olds.slice(freshs.length).forEach((node) => node.remove());
}

function patchAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function patchChild(parent, old, fresh) {
  if (!old) return parent.append(fresh);
  if (!isAlike(old, fresh)) return old.replaceWith(fresh);
  if (old.nodeType === Node.ELEMENT_NODE) return patch(old, fresh);
  if (old.data !== fresh.data) old.data = fresh.data;
}

/** Whether one can become the other; buttons that say something else are other buttons. */
function isAlike(old, fresh) {
  return old.nodeName === fresh.nodeName && old.dataset?.verdict === fresh.dataset?.verdict;
}
