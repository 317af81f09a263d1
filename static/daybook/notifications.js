// The inbox of the viewer, on every page: how much is unread, the panel of the bell, and what pops up. Other tabs hear
// of what was done here by a BroadcastChannel, other devices by the socket; docs/live.md has the messages.
import { follow, listen } from "./live.js";
import { csrf } from "./session.js";
import { closeAbout, retell, toast } from "./toasts.js";

const RANKS = ["info", "success", "warning", "error", "critical"];
const TOLD = "daybook-told"; // what popped up in this tab already
const bell = document.getElementById("bell");
const panel = document.getElementById("notification-panel");
const list = document.getElementById("notification-list");
const told = new Set(JSON.parse(sessionStorage.getItem(TOLD) ?? "[]"));
const elsewhere = new Set(); // ids that another tab has shown to somebody
const tabs = bell && "BroadcastChannel" in window ? new BroadcastChannel(`daybook-inbox-${bell.dataset.user}`) : null;
const listeners = new Set();
let isKeeper = false;
let reading = 0;

const words = () => bell.querySelector("[data-bell-words]");
const say = (text) => { panel.querySelector("[data-said]").textContent = text; };

// Counts that know of more replace those that know of less.
const count = (unread, place) => {
  const now = words();
  if (Number(place) < Number(now.dataset.place)) return;
  Object.assign(now.dataset, { unread, place });
  now.textContent = `Notifications, ${unread ? unread.toLocaleString("en") : "none"} unread`;
  const badge = bell.querySelector("[data-badge]");
  badge.textContent = unread > 99 ? "99+" : unread;
  badge.hidden = !unread;
};

// What somebody has read looks so in every list of this page.
const settle = (isOver) => {
  closeAbout(isOver);
  for (const row of document.querySelectorAll("[data-notification].is-unread")) {
    if (!isOver(row.dataset.notification)) continue;
    row.classList.remove("is-unread");
    const button = row.querySelector("[data-reads]");
    if (button === document.activeElement) row.querySelector("a").focus();
    button?.remove();
    row.querySelector(".unread-word")?.remove();
  }
};

const happened = (event) => {
  if (event.unread !== undefined) count(event.unread, event.place);
  if (event.kind === "read" || event.kind === "cleared") {
    const ids = new Set(event.ids.map(String));
    settle((id) => event.isAll || ids.has(id));
  }
  for (const listener of listeners) listener(event);
};

const address = (path) => {
  const url = path ? new URL(path, location.origin) : null;
  return url?.origin === location.origin ? url.href : "";
};

const isQuiet = () => {
  const [from, until, timeZone] = bell.dataset.quiet.split(" ");
  if (!until) return false;
  const now = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone });
  return from < until ? from <= now && now < until : from <= now || now < until;
};

const isLookedAt = (url) => panel.matches(":popover-open") || document.querySelector("[data-inbox-page]") || (url && new URL(url).pathname === location.pathname);

const showOnDesktop = (one, url) => {
  if (!isKeeper || elsewhere.has(one.id)) return;
  const notice = new Notification(one.title, { tag: `daybook-${one.id}`, icon: document.querySelector("link[rel=icon]")?.href });
  notice.addEventListener("click", () => {
    notice.close();
    if (url) window.open(url);
    store.markRead([one.id]);
  });
};

const pop = (one) => {
  const isKnown = told.has(one.id);
  told.add(one.id);
  sessionStorage.setItem(TOLD, JSON.stringify([...told].slice(-200)));
  if (isKnown) retell(String(one.id), one.title);
  if (isKnown || RANKS.indexOf(one.severity) < RANKS.indexOf(bell.dataset.toastsFrom) || isQuiet()) return;
  const url = address(one.path);
  if (document.hidden) setTimeout(() => showOnDesktop(one, url), 700);
  else {
    tabs?.postMessage({ seen: one.id });
    if (!isLookedAt(url)) toast({ text: one.title, tone: one.severity === "critical" ? "error" : one.severity, about: String(one.id), url });
  }
};

const hear = ({ type, seq, data }) => {
  if (data?.unread === undefined) return;
  const one = data.notification;
  const kind = type === "ui.notification" ? data.event : type;
  happened({ kind, ids: one ? [one.id] : data.ids ?? [], notification: one, unread: data.unread, place: seq, isAll: data.unread === 0 && kind === "read" });
  if (kind === "created") pop(one);
};

const post = async (url, fields, event) => {
  const body = new URLSearchParams([["csrfmiddlewaretoken", csrf()], ...fields]);
  try {
    const answer = await fetch(url, { method: "POST", body, headers: { "HX-Request": "true" }, keepalive: true });
    if (answer.status === 401) document.dispatchEvent(new CustomEvent("live:signed-out"));
    if (!answer.ok) throw new Error(await answer.text());
    const done = { ...event, ...await answer.json() };
    happened(done);
    tabs?.postMessage(done);
    return done;
  } catch {
    toast({ text: "Your inbox could not be changed. Try again in a moment.", tone: "error" });
    return null;
  }
};

const url = (name) => panel.querySelector(`[data-inbox=${name}]`).action;
const named = (ids) => (ids ? ids.map((id) => ["id", id]) : [["all", "1"]]);

// `list(show)` reads the panel again: "", "unread" or "failures". Without ids, `markRead` and `clear` mean all (of what is
// cleared, only what was read). `subscribe(callback)` tells of every change and returns a function that ends it.
export const store = {
  get unread() { return Number(words().dataset.unread); },
  list(show) {
    if (show !== undefined) panel.querySelector(`[name=show][value="${show}"]`).checked = true;
    window.htmx.trigger(list, "show");
  },
  markRead: (ids) => post(url("read"), named(ids), { kind: "read", ids: ids ?? [], isAll: !ids }),
  clear: (ids) => post(url("clear"), [...named(ids), ...(ids ? [["unread_too", "1"]] : [])], { kind: "cleared", ids: ids ?? [] }),
  subscribe(callback) {
    listeners.add(callback);
    return () => listeners.delete(callback);
  },
};

// Many changes at once are one reading.
const listSoon = () => {
  if (panel.matches(":popover-open")) reading ||= setTimeout(() => { reading = 0; window.htmx.trigger(list, "live"); }, 200);
};

if (bell && panel) {
  panel.addEventListener("toggle", ({ newState }) => {
    bell.setAttribute("aria-expanded", String(newState === "open"));
    if (newState === "open") store.list();
  });
  panel.addEventListener("submit", async (event) => {
    event.preventDefault();
    const isRead = event.target.dataset.inbox === "read";
    if (!await (isRead ? store.markRead() : store.clear())) return;
    say(isRead ? "All marked as read." : "What was read is cleared away.");
  });
  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-opens], [data-reads]");
    const id = control?.dataset.opens ?? control?.dataset.reads;
    if (!id) return;
    if (control.dataset.reads) event.preventDefault();
    else if (!control.closest(".is-unread, .toast")) return;
    store.markRead([id]);
  });
  store.subscribe((event) => { if (event.kind !== "read" || event.isAll) listSoon(); });
  tabs?.addEventListener("message", ({ data }) => (data.seen ? elsewhere.add(data.seen) : happened(data)));
  // While the connection is away, live.js has the bell read again from time to time.
  bell.addEventListener("htmx:afterSettle", listSoon);
  follow("notifications", hear, words().dataset.place, () => isKeeper);
  // Of the tabs of a browser one goes on to listen while nobody looks at it.
  if (bell.dataset.onDesktop && window.Notification?.permission === "granted") {
    navigator.locks?.request(`daybook-desktop-${bell.dataset.user}`, () => {
      isKeeper = true;
      listen();
      return new Promise(() => {});
    });
  }
}
