// Small helps for pages that work without them.
import "./fragments.js";
import "./keys.js";
import { liveState } from "./live.js";
import "./notifications.js";
import { copy } from "./zone.js";

const focusErrors = (root) => root.querySelector("[data-focus]")?.focus();

// Fields that count only while another control has a certain value.
const showConditional = () => {
  for (const part of document.querySelectorAll("[data-shown-name]")) {
    const controls = [...document.getElementsByName(part.dataset.shownName)];
    const chosen = controls.find((control) => control.type !== "radio" || control.checked);
    part.hidden = chosen?.value !== part.dataset.shownValue;
  }
};

// Leaving a form with unsaved input asks first.
const guard = (form) => {
  let isDirty = false;
  form.addEventListener("input", () => { isDirty = true; });
  form.addEventListener("submit", () => { isDirty = false; });
  window.addEventListener("beforeunload", (event) => { if (isDirty) event.preventDefault(); });
};

// On a phone the filters stand below the list, folded until they are wanted.
if (window.matchMedia("(max-width: 767px)").matches) {
  for (const filter of document.querySelectorAll("#changelist-filter details")) {
    filter.open = Boolean(filter.querySelector("li:not(:first-child).selected"));
  }
}

// On a phone the tabs of a page reach beyond its edge: the one that is open is in sight.
for (const tab of document.querySelectorAll(".page-tabs [aria-current]")) {
  const tabs = tab.closest(".page-tabs");
  const [outer, inner] = [tabs.getBoundingClientRect(), tab.getBoundingClientRect()];
  tabs.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}

document.addEventListener("change", showConditional);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  copy(document.getElementById(button.dataset.copy).value);
  document.querySelector("[data-copied]").textContent = "Copied.";
});
document.addEventListener("htmx:afterSettle", showConditional);

// The drawer of small screens keeps the focus; what it covers is out of reach.
const nav = document.getElementById("console-nav");
const covered = ".skip-to-content-link, #header, #container > nav, #content-start, #footer";
const cover = (isCovered) => document.querySelectorAll(covered).forEach((part) => { part.inert = isCovered; });
nav?.addEventListener("beforetoggle", (event) => { if (event.newState === "closed") cover(false); });
nav?.addEventListener("toggle", (event) => {
  const isOpen = event.newState === "open";
  cover(isOpen);
  if (isOpen) nav.querySelector("a")?.focus();
  else if (document.activeElement === document.body) document.querySelector(".nav-button").focus();
});

// Folds stay as they were left.
for (const fold of document.querySelectorAll("[data-remember]")) {
  const name = `daybook-${fold.dataset.remember}`;
  fold.open ||= localStorage.getItem(name) === "open";
  fold.querySelector("summary").addEventListener("click", () => localStorage.setItem(name, fold.open ? "closed" : "open"));
}

// How fresh the page is, in words.
const STATES = { live: "Live", connecting: "Connecting", reconnecting: "Reconnecting", offline: "Offline: reads again every 10 s", paused: "Paused (tab hidden)" };
const tellState = () => {
  for (const words of document.querySelectorAll("[data-live-words]")) words.textContent = STATES[liveState()] ?? "";
};
document.addEventListener("live:state", tellState);
tellState();
document.addEventListener("live:message", ({ detail }) => {
  const events = Object.keys(detail.data?.events ?? {});
  if (events.some((name) => /dead|discard|replay|restored|failed|timed_out|lost/.test(name))) letters();
});
let counting = 0;
const letters = () => {
  counting ||= setTimeout(() => {
    counting = 0;
    const badge = document.getElementById("nav-letters");
    if (badge) window.htmx.trigger(badge, "letters");
  }, 1000);
};

document.querySelectorAll("[data-warn-unsaved]").forEach(guard);
document.querySelectorAll("[data-select]").forEach((field) => field.select());
showConditional();
focusErrors(document);
