// Times: the browser's own zone as a choice, the clock of the bar, and a card with the exact instant.
import { toast } from "./toasts.js";

const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = document.querySelector("[data-clock]");
const own = document.querySelector("[data-own-zone]");
if (own && mine && mine !== "UTC") {
  own.value = mine;
  own.replaceChildren("Mine", Object.assign(document.createElement("small"), { textContent: mine }));
  own.hidden = false;
  if (clock?.dataset.clock === mine) own.setAttribute("aria-current", "true");
}

const tick = () => {
  const now = new Date();
  clock.dateTime = now.toISOString();
  clock.textContent = now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: clock.dataset.clock });
};
if (clock) {
  tick();
  setInterval(tick, 10_000);
}

export const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // plain http has no clipboard
    const field = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
};

const inZone = (at, timeZone) => new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long", timeZone }).format(at);

const card = document.getElementById("time-card");
document.addEventListener("click", async (event) => {
  const time = event.target.closest?.("time[datetime]");
  if (time && card?.showPopover && !time.closest("a, button, summary, label") && !getSelection().toString()) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const iso = at.toISOString().replace(".000Z", "Z");
    const values = { utc: inZone(at, "UTC"), mine: inZone(at, mine), iso };
    for (const [name, text] of Object.entries(values)) card.querySelector(`[data-time-${name}]`).textContent = text;
    card.dataset.iso = iso;
    card.showPopover();
    const { left, bottom } = time.getBoundingClientRect();
    const top = bottom + card.offsetHeight + 12 > innerHeight ? Math.max(8, bottom - card.offsetHeight - 28) : bottom + 6;
    card.style.setProperty("--x", `${Math.max(8, Math.min(left, innerWidth - card.offsetWidth - 8))}px`);
    card.style.setProperty("--y", `${top}px`);
  }
  if (event.target.closest?.("[data-copy-iso]")) {
    await copy(card.dataset.iso);
    card.hidePopover();
    toast({ text: `Copied ${card.dataset.iso}`, tone: "success" });
  }
});
