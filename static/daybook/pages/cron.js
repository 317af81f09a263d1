// The schedule's fields: keeps the builder and the expression at one, and explains the field under the caret.
// What a choice means, the server says (in #cron-state); nothing is computed here.

const HELP = [
  "Minute: 0 to 59.",
  "Hour: 0 to 23, on the clock of the time zone.",
  "Day of the month: 1 to 31, L for the last one.",
  "Month: 1 to 12, or jan to dec.",
  "Day of the week: 0 to 7 or sun to sat; 0 and 7 are Sunday.",
];

const fields = () => document.getElementById("schedule-fields");
const written = () => document.getElementById("id_cron");
const named = (name) => [...(fields()?.querySelectorAll(`[name="${name}"]`) ?? [])];
const chosenMode = () => named("kind").find((radio) => radio.checked)?.value ?? "";
const choose = (mode) => { for (const radio of named("kind")) radio.checked = radio.value === mode; };
const syntax = document.getElementById("cron-syntax")?.innerHTML ?? "";

let returnTo = ""; // the mode that was left for an expression that somebody proposed

const fill = (name, value) => {
  const wanted = Array.isArray(value) ? value : [value];
  for (const control of named(name)) {
    if (control.type === "radio" || control.type === "checkbox") control.checked = wanted.includes(control.value);
    else control.value = wanted[0];
  }
};

// Where each field begins and ends in the text.
const spans = (text) => [...text.matchAll(/\S+/g)].map((found) => [found.index, found.index + found[0].length]);

const showCaret = () => {
  const input = written();
  const help = document.getElementById("cron-syntax");
  if (!input || !help) return;
  const isWriting = document.activeElement === input && !input.value.trim().startsWith("@");
  const before = input.value.slice(0, input.selectionStart);
  const place = isWriting ? spans(before).length - (/\S$/.test(before) ? 1 : 0) : -1;
  document.querySelectorAll("#cron-cells li").forEach((cell, number) => cell.classList.toggle("is-current", number === place));
  if (isWriting && HELP[place]) help.textContent = HELP[place];
  else help.innerHTML = syntax;
};

// What was typed stands in the cells at once; what it means follows from the server.
const showText = () => {
  const parts = written().value.trim().split(/\s+/);
  if (parts[0].startsWith("@")) return;
  document.querySelectorAll("#cron-cells li").forEach((cell, number) => {
    const code = cell.querySelector("code");
    if (code.textContent === (parts[number] || "–")) return;
    code.textContent = parts[number] || "–";
    cell.querySelector("span").textContent = "";
    cell.classList.remove("is-wrong");
  });
};

const settle = () => {
  const source = document.getElementById("cron-state");
  if (!source) return;
  const state = JSON.parse(source.textContent);
  source.remove();
  const composed = document.getElementById("cron-composed");
  if (composed && state.cron) composed.textContent = state.cron;
  const mode = chosenMode();
  if (mode === "cron" && state.cron !== written().value.trim()) return; // an answer to something earlier
  if (mode === "cron" && state.mode) {
    for (const [name, value] of Object.entries(state.values)) fill(name, value);
    if (returnTo === state.mode) choose(returnTo);
  } else if (written() && state.cron && ["hourly", "daily", "weekly", "monthly"].includes(mode)) {
    written().value = state.cron;
  }
  returnTo = "";
  showCaret();
};

document.addEventListener("htmx:afterSettle", settle);
document.addEventListener("selectionchange", showCaret);
document.addEventListener("focusout", (event) => { if (event.target === written()) setTimeout(showCaret); });
document.addEventListener("input", (event) => {
  if (event.target !== written()) return;
  showText();
  showCaret();
});
document.addEventListener("click", (event) => {
  const cell = event.target.closest("#cron-cells li");
  if (cell) {
    const input = written();
    const span = spans(input.value)[[...cell.parentElement.children].indexOf(cell)];
    input.focus();
    if (span) input.setSelectionRange(...span);
    return;
  }
  const button = event.target.closest("button[data-fill]");
  if (!button || !fields()) return;
  const values = JSON.parse(button.dataset.fill);
  if (values.cron) returnTo = chosenMode();
  for (const [name, value] of Object.entries(values)) fill(name, value);
  fields().dispatchEvent(new Event("change", { bubbles: true }));
  document.querySelector("#schedule-sentence")?.closest(".card")?.querySelector("h2")?.scrollIntoView({ block: "nearest" });
});
settle();
