// Notices: those of the server, and those of new CustomEvent("toast", { detail: { text, tone, undo } }) at the document.
// `tone`: success, info, warning or error (stays until closed); `undo`: the address to which Undo posts.
import { csrf } from "./session.js";

const MOST = 3;
const region = document.getElementById("toasts");
const quiet = region?.querySelector("[data-polite]");
const urgent = region?.querySelector("[data-urgent]");
const timers = new Map(); // toast -> {left, from, timer}
let hidden = 0;

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
  if (!quiet.querySelector(".toast:not(.toast-more)")) {
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

const add = ({ text, tone = "info", undo = "" }) => {
  if (!region || !text) return;
  const into = tone === "error" ? urgent : quiet;
  const same = [...into.children].find((toast) => toast.dataset.text === text);
  if (same) close(same);
  if (tone !== "error" && quiet.querySelectorAll(".toast:not(.toast-more)").length >= MOST) {
    hidden += 1;
    const more = quiet.querySelector(".toast-more") ?? make("div", { className: "toast toast-more" });
    more.textContent = `${hidden} more`;
    quiet.append(more);
    return;
  }
  const toast = make("div", { className: `toast ${tone}` }, make("p", { textContent: text }));
  if (tone === "error") toast.role = "alert";
  toast.dataset.text = text;
  if (undo) toast.append(undoForm(undo));
  into.append(toast);
  arm(toast);
};

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
