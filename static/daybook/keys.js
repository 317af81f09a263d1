// Keys for those who live here. data-key="c" on a control: c presses it, first within the row that has the focus.
// Rows are those of a list, or whatever says data-row. Single keys can be switched off.
import { open as search } from "./palette.js";

const STORED = "daybook-keys";
const help = document.getElementById("keys");
const nav = document.getElementById("console-nav");
const box = help?.querySelector("input[type=checkbox]");
let goes = 0; // until when a letter says where to
let place = -1;

const isOn = () => localStorage.getItem(STORED) !== "off";
// A dialog that was closed keeps the focus until the next frame.
const isTyped = (target) => !target.closest("dialog:not([open])") && (target.isContentEditable || target.closest("textarea, select, [role=textbox], input:not([type=checkbox], [type=radio], [type=submit], [type=button])"));

// What stands on the key; where it is no Latin letter, what would stand there in the US.
const letter = ({ key, code }) => (key.length === 1 && key.charCodeAt(0) > 127 && code.startsWith("Key") ? code[3].toLowerCase() : key.length === 1 ? key.toLowerCase() : key);

const rows = () => [...document.querySelectorAll("[data-row], #result_list tbody tr")].filter((row) => row.offsetParent);
const rowOf = () => document.activeElement?.closest("[data-row], #result_list tbody tr");
const linkOf = (row) => row.querySelector(".row-link, th a, a");

const step = (by) => {
  const all = rows();
  if (!all.length) return false;
  const at = all.indexOf(rowOf());
  place = Math.max(0, Math.min((at < 0 ? (place < 0 ? (by > 0 ? -1 : all.length) : place) : at) + by, all.length - 1));
  const target = linkOf(all[place]) ?? all[place];
  target.focus();
  all[place].scrollIntoView({ block: "nearest" });
  return true;
};

const press = (key) => {
  const control = rowOf()?.querySelector(`[data-key="${key}"]`) ?? [...document.querySelectorAll(`[data-key="${key}"]`)].find((found) => !found.closest("[data-row], #result_list tbody tr") && found.offsetParent);
  control?.click();
  if (control?.matches("summary, [popovertarget]")) control.focus();
  return Boolean(control);
};

const run = () => {
  if (press("r")) return true;
  const path = rowOf() ? linkOf(rowOf())?.pathname : location.pathname;
  const id = path?.match(/\/jobs\/job\/(\d+)\//)?.[1];
  if (id && nav?.dataset.run) location.assign(nav.dataset.run.replace("/0/", `/${id}/`));
  return Boolean(id);
};

const actions = () => {
  if (press(".")) return true;
  const select = document.querySelector("#changelist .actions select");
  select?.focus();
  return Boolean(select);
};

const showHelp = () => {
  if (!help || document.querySelector("dialog[open]")) return false;
  box.checked = isOn();
  help.showModal();
  return true;
};

const start = () => {
  if (!press("n") && nav?.dataset.new) location.assign(nav.dataset.new);
  return true;
};

const keys = {
  "/": () => { search(); return true; },
  "?": showHelp,
  ".": actions,
  g: () => { goes = Date.now() + 1500; return true; },
  j: () => step(1),
  k: () => step(-1),
  n: start,
  r: run,
  x: () => { const select = rowOf()?.querySelector("input[type=checkbox]"); select?.click(); return Boolean(select); },
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const key = letter(event);
  if ((event.ctrlKey || event.metaKey) && key === "k" && !event.shiftKey) {
    event.preventDefault();
    search();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.repeat && !"jk".includes(key)) return;
  if (!isOn() || key.length > 1 || isTyped(event.target) || document.querySelector("dialog[open]")) return;
  const isGoing = goes > Date.now();
  goes = 0;
  const link = isGoing && nav?.querySelector(`[data-go="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
  if (link || (keys[key] ? keys[key]() : press(CSS.escape(key)))) event.preventDefault();
});

box?.addEventListener("change", () => localStorage.setItem(STORED, box.checked ? "on" : "off"));
document.addEventListener("click", (event) => { if (event.target.closest("[data-help]")) showHelp(); });
