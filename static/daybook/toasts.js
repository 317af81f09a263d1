// Notices: those of the server, and those of new CustomEvent("toast", { detail: { text, tone, undo } }) at the document.
// `tone`: success, info, warning or error (stays until closed); `undo`: the address to which Undo posts. News have an
// `about`: at most a few of them are shown, and they speak up every ten seconds at most; `url` is where they lead.
import { csrf } from "./session.js";

const MOST = 3;
const APART = 10_000;
const region = document.getElementById("toasts");
const quiet = region?.querySelector("[data-polite]");
const urgent = region?.querySelector("[data-urgent]");
const timers = new Map(); // toast -> {left, from, timer}
let hidden = 0;
let spokenAt = -APART;
let unspoken = 0;
let speaking = 0;

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const undoForm = (url) => make("form", { method: "post", action: url },
  make("input", { type: "hidden", name: "csrfmiddlewaretoken", value: csrf() }),
  make("button", { type: "submit", className: "toast-button", textContent: "Undo" }));

const close = (toast) => {
  const had = toast.contains(document.activeElement);
  clearTimeout(timers.get(toast)?.timer);
  timers.delete(toast);
  toast.remove();
  if (had) region.focus();
  if (!region.querySelector("[data-polite] .toast:not(.toast-more), [data-about]")) {
    hidden = 0;
    quiet.querySelector(".toast-more")?.remove();
  }
};

const start = (toast) => {
  const clock = timers.get(toast);
  if (!clock || clock.timer) return;
  clock.from = Date.now();
  clock.timer = setTimeout(() => close(toast), clock.left);
};

const pause = () => {
  for (const clock of timers.values()) {
    if (!clock.timer) continue;
    clearTimeout(clock.timer);
    clock.timer = 0;
    clock.left -= Date.now() - clock.from;
  }
};

const resume = () => {
  if (!region.matches(":hover, :focus-within")) timers.forEach((_, toast) => start(toast));
};

const count = () => {
  for (const [toast, clock] of timers) {
    const shown = toast.querySelector("[data-countdown]");
    const left = clock.timer ? clock.left - (Date.now() - clock.from) : clock.left;
    if (shown) shown.textContent = `${Math.max(1, Math.ceil(left / 1000))} s`;
  }
};

const arm = (toast) => {
  toast.append(make("button", { type: "button", className: "toast-close", ariaLabel: "Close", textContent: "×", onclick: () => close(toast) }));
  if (toast.classList.contains("error")) return;
  const form = toast.querySelector("form");
  form?.querySelector("button").append(" ", make("span", { ariaHidden: "true" }));
  if (form) form.querySelector("span").dataset.countdown = "";
  timers.set(toast, { left: form ? 10_000 : 8_000, timer: 0 });
  count();
  if (!document.hidden) start(toast);
};

// Whether one more of the news may speak up now. What may not is told as a number when its time has come.
const mayBeHeard = () => {
  const wait = spokenAt + APART - performance.now();
  if (wait <= 0) {
    spokenAt = performance.now();
    return true;
  }
  unspoken += 1;
  speaking ||= setTimeout(() => {
    spokenAt = performance.now();
    region.querySelector("[data-said]").textContent = `${unspoken} more notification${unspoken === 1 ? "" : "s"}`;
    unspoken = speaking = 0;
  }, wait);
  return false;
};

const holdBack = (isNews) => {
  hidden += 1;
  const more = quiet.querySelector(".toast-more") ?? make("div", { className: "toast toast-more" });
  more.ariaLive = isNews ? "off" : "polite";
  const inbox = isNews && document.querySelector(".panel-foot a")?.href;
  more.replaceChildren(inbox ? make("a", { href: inbox, textContent: `${hidden} more` }) : `${hidden} more`);
  quiet.append(more);
  if (isNews) mayBeHeard();
};

const isFull = (into, about) => (about ? region.querySelectorAll("[data-about]") : into === quiet ? quiet.querySelectorAll(".toast:not(.toast-more)") : []).length >= MOST;

const add = ({ text, tone = "info", undo = "", url = "", about = "" }) => {
  if (!region || !text) return;
  const into = tone === "error" ? urgent : quiet;
  const same = [...into.children].find((toast) => (about ? toast.dataset.about === about : toast.dataset.text === text));
  if (same) close(same);
  if (isFull(into, about)) {
    holdBack(Boolean(about));
    return;
  }
  const words = url ? make("a", { href: url, textContent: text }) : text;
  const toast = make("div", { className: `toast ${tone}` }, make("p", {}, words));
  toast.dataset.text = text;
  if (about) toast.dataset.about = about;
  if (url && about) words.dataset.opens = about;
  if (about && !mayBeHeard()) toast.ariaLive = "off";
  else if (tone === "error") toast.role = "alert";
  if (undo) toast.append(undoForm(undo));
  into.append(toast);
  arm(toast);
};

// Says it anew, without a sound, as long as it is still there.
export const retell = (about, text) => {
  const toast = region?.querySelector(`[data-about="${about}"]`);
  if (toast) (toast.querySelector("p a") ?? toast.querySelector("p")).textContent = toast.dataset.text = text;
};

export const closeAbout = (isOver) => region?.querySelectorAll("[data-about]").forEach((toast) => { if (isOver(toast.dataset.about)) close(toast); });

if (region) {
  region.querySelectorAll(".toast").forEach(arm);
  region.addEventListener("pointerenter", pause);
  region.addEventListener("focusin", pause);
  region.addEventListener("pointerleave", resume);
  region.addEventListener("focusout", () => setTimeout(resume));
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  document.addEventListener("toast", (event) => add(event.detail));
  document.addEventListener("keydown", (event) => {
    if (event.key === "F8" && region.querySelector(".toast")) {
      event.preventDefault();
      region.focus();
    }
    if (event.key === "Escape" && region.contains(event.target)) event.target.closest(".toast")?.querySelector(".toast-close").click();
  });
  setInterval(count, 500);
}

export const toast = add;
