"use strict";

// Copying. The buttons are hidden without this script.
function showCopyButtons(root) {
  for (const button of root.querySelectorAll("button.copy")) button.hidden = false;
}

async function copy(text) {
  try {
    return await navigator.clipboard.writeText(text);
  } catch {
    // Outside https and localhost browsers have no clipboard object, and some need a permission.
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("not copied");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  try {
    await copy(button.dataset.copy);
    say(button, "Copied");
  } catch {
    say(button, "Press Ctrl+C");
    const code = button.parentElement.querySelector("code");
    if (code) getSelection().selectAllChildren(code);
  }
  button.focus();
  setTimeout(() => say(button, "Copy"), 1500);
});

function say(button, word) {
  button.querySelector(".word").textContent = word;
}

// Keeping the page up to date: the page is read again, and only the parts that changed are replaced. What is open stays open, and the
// focus and the scroll positions stay where they are.
// A page that takes long to make is read less often.
const interval = 3000;
const restFactor = 20;
const stale = document.getElementById("stale");

function busy(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode) || [...part.querySelectorAll("button.copy .word")].some((w) => w.textContent !== "Copy");
}

function replace(part, fresh) {
  const open = [...part.querySelectorAll("details[open][id]")].map((d) => d.id);
  const scrolled = [...part.querySelectorAll(".scroll, pre")].map((e) => [e.scrollLeft, e.scrollTop]);
  const focusable = "a, button, summary, [tabindex]";
  const focused = [...part.querySelectorAll(focusable)].indexOf(document.activeElement);
  part.replaceChildren(...fresh.childNodes);
  showCopyButtons(part);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  part.querySelectorAll(".scroll, pre").forEach((e, i) => { if (scrolled[i]) [e.scrollLeft, e.scrollTop] = scrolled[i]; });
  if (focused >= 0) part.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
}

// What the server sent last for each part, to tell whether it has changed.
const sources = new Map();
for (const part of document.querySelectorAll("main [data-live]")) sources.set(part.id, part.innerHTML);

async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (response.redirected) return location.reload();
  if (!response.ok) throw new Error(response.statusText);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("main [data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next || next.innerHTML === sources.get(part.id) || busy(part)) continue;
    sources.set(part.id, next.innerHTML);
    replace(part, document.adoptNode(next));
  }
  return fresh.body.hasAttribute("data-live");
}

async function keepUp() {
  let going = true;
  const began = performance.now();
  if (!document.hidden) {
    try {
      going = await refresh();
      stale.textContent = "";
    } catch {
      stale.textContent = "The server does not answer; what you see may be out of date.";
    }
  }
  if (going) setTimeout(keepUp, Math.max(interval, restFactor * (performance.now() - began)));
}

showCopyButtons(document);
if (document.body.hasAttribute("data-live")) {
  setTimeout(keepUp, interval);
}
