// Small helps for pages that work without them. No page depends on this file.
import "./live.js";

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

const copy = async (button) => {
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // plain http has no clipboard
  }
  document.querySelector("[data-copied]").textContent = "Copied.";
};

// Times are shown in UTC; the pointer tells the viewer's own.
const addLocalTime = (time) => {
  if (time.dataset.local || !time.dateTime) return;
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time.dateTime));
  time.dataset.local = "1";
  time.title = `${time.title ? `${time.title}\n` : ""}${local} on your clock`;
};

// On a phone the filters stand below the list, folded until they are wanted.
if (window.matchMedia("(max-width: 767px)").matches) {
  for (const filter of document.querySelectorAll("#changelist-filter details")) {
    filter.open = Boolean(filter.querySelector("li:not(:first-child).selected"));
  }
}

document.addEventListener("change", showConditional);
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest?.("time");
  if (time) addLocalTime(time);
});
document.addEventListener("htmx:afterSettle", showConditional);
document.getElementById("console-nav")?.addEventListener("toggle", (event) => {
  if (event.newState === "open") event.target.querySelector("a")?.focus();
});

document.querySelectorAll("[data-warn-unsaved]").forEach(guard);
document.querySelectorAll("[data-select]").forEach((field) => field.select());
showConditional();
focusErrors(document);
