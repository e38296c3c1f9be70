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

// Texts that change with the time alone. The rules are those of text.go and step.go. The clock is that of the server.
const offset = Number(document.getElementById("now").textContent) - Date.now();

const ticks = {
  ago(ms) {
    const s = Math.floor(ms / 1000);
    if (s < 2) return "just now";
    if (s < 60) return `${s} s ago`;
    if (s < 3600) return `${Math.floor(s / 60)} min ago`;
    return s < 86400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} d ago`;
  },
  took(ms) {
    const s = Math.floor(ms / 1000);
    if (s < 1) return `${Math.max(0, Math.floor(ms))} ms so far`;
    if (s < 60) return `${(ms / 1000).toFixed(1)} s so far`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s so far`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min so far`;
    return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h so far`;
  },
  next(ms) {
    const s = Math.ceil(-ms / 1000);
    if (s < 1) return "next now";
    return s < 120 ? `next in ${s} s` : `next in ${Math.floor(s / 60)} min ${s % 60} s`;
  },
};

function tick() {
  if (document.hidden || !getSelection().isCollapsed) return;
  for (const e of document.querySelectorAll("main [data-tick]")) {
    const text = ticks[e.dataset.tick](Date.now() + offset - Date.parse(e.dateTime || e.dataset.at));
    if (e.textContent !== text) e.textContent = text;
  }
}

// Keeping the page up to date: the page is read again if it has changed, and only the parts that changed are replaced.
// What is open stays open, and the focus and the scroll positions stay where they are.
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

// What the server sent last for each part, without the texts that tick, to tell whether it has changed.
const source = (part) => part.innerHTML.replace(/(<[a-z]+ data-tick="[a-z]+"[^<>]*>)[^<]*/g, "$1");
const sources = new Map();
for (const part of document.querySelectorAll("main [data-live]")) sources.set(part.id, source(part));
// The entity tag of the last answer that the parts were taken from.
let tag = "";

async function refresh() {
  const headers = { Accept: "text/html" };
  if (tag) headers["If-None-Match"] = tag;
  const response = await fetch(location.href, { headers });
  if (response.status === 304) return true;
  if (response.redirected) return location.reload();
  if (!response.ok) throw new Error(response.statusText);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  tag = response.headers.get("ETag") ?? "";
  for (const part of document.querySelectorAll("main [data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next || source(next) === sources.get(part.id)) continue;
    if (busy(part)) {
      tag = ""; // ask again for what is not shown yet
      continue;
    }
    sources.set(part.id, source(next));
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
  setInterval(tick, 1000);
}
