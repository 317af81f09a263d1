// One socket for the whole page: what happens on the server reaches the parts of the page that show it; docs/live.md
// says how a part asks for it. The event "live:state" tells: live, connecting, reconnecting (away for a while: parts are
// read again every ten seconds), offline (for long) or paused (the tab is hidden).

const POLL = 10_000;
const LONGEST_WAIT = 30_000;
const BUSY = 250; // until a part that is being read is read again
const UNNOTICED = 5_000; // so long a connection may be away before the page says so
const LONG = 20_000;

const meta = document.querySelector('meta[name="daybook-live"]');
const tenants = (meta?.content ?? "").split(" ").filter(Boolean);
const followers = new Map(); // topic -> {since, hear, stays}
const refused = new Set();
const waiting = new Map(); // id of a part -> {at, timer}; the part may be another element by the time that it is read

let socket = null;
let subscribed = new Set();
let failures = 0;
let timer = 0;
let poll = 0;
let state = "";
let lostAt = 0;
let hasBegun = false;
let seen = meta?.dataset.seen; // the state that the page was drawn from, until it was told
let mustRead = false; // once the server tells of changes again

const parts = () => [...document.querySelectorAll("[data-live]")];
const topicsOf = (part) => part.dataset.live.split(" ").filter(Boolean).flatMap((topic) => (topic === "tenants" ? tenants : [topic]));

// The tenants always: the counts in the frame follow them on every page. A hidden tab listens only for followers that stay.
const wanted = () => {
  const topics = document.hidden
    ? [...followers.keys()].filter((topic) => followers.get(topic).stays?.())
    : [...tenants, ...parts().flatMap(topicsOf), ...followers.keys()];
  return new Set(topics.filter((topic) => !refused.has(topic)));
};

const tell = (told) => {
  const now = document.hidden ? "paused" : told;
  if (now === state) return;
  state = now;
  document.documentElement.dataset.liveState = now;
  document.dispatchEvent(new CustomEvent("live:state", { detail: { state } }));
};

const fire = (id) => {
  const part = document.getElementById(id);
  // What is being read may be older than what was told, and takes the place of the element that would read again.
  if (part?.classList.contains("htmx-request")) later(id, BUSY);
  else if (part) window.htmx.trigger(part, "live");
};

const later = (id, wait) => {
  const timer = setTimeout(() => {
    waiting.set(id, { at: performance.now(), timer: 0 });
    fire(id);
  }, wait);
  waiting.set(id, { at: performance.now(), timer });
};

// At once when it is long enough since the last time, else at the end of that while.
const refresh = ({ id, dataset }) => {
  const before = waiting.get(id) ?? { at: -Infinity, timer: 0 };
  if (before.timer) return;
  later(id, before.at + Number(dataset.liveEvery ?? 1) * 1000 - performance.now());
};

const refreshAll = () => { if (!document.hidden) parts().forEach(refresh); };

const hear = (message) => {
  document.dispatchEvent(new CustomEvent("live:message", { detail: message }));
  const follower = followers.get(message.topic);
  if (follower) {
    if (message.seq) follower.since = message.seq;
    follower.hear(message);
  }
  if (message.type === "refused" && message.topic) refused.add(message.topic);
  if (message.type === "subscribed" && mustRead) {
    mustRead = false;
    refreshAll();
    document.dispatchEvent(new CustomEvent("live:message", { detail: { type: "resync" } }));
  }
  if (["changed", "status", "end", "resync"].includes(message.type)) {
    parts().filter((part) => topicsOf(part).includes(message.topic)).forEach(refresh);
  }
};

const subscribe = () => {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const topics = wanted();
  const added = [...topics].filter((topic) => !subscribed.has(topic));
  const left = [...subscribed].filter((topic) => !topics.has(topic));
  if (!added.length && !left.length) return;
  const since = {};
  for (const topic of added) if (followers.get(topic)?.since) since[topic] = followers.get(topic).since;
  // Whatever was changed since the page was drawn is told right after the answer.
  socket.send(JSON.stringify({ subscribe: added, unsubscribe: left, since, ...(seen && !mustRead ? { seen } : {}) }));
  seen = "";
  subscribed = topics;
};

const schedule = () => {
  const wait = Math.min(500 * 2 ** failures, LONGEST_WAIT) * (0.75 + Math.random() / 2);
  failures += 1;
  clearTimeout(timer);
  timer = setTimeout(connect, wait);
  if (!poll) {
    lostAt = Date.now();
    poll = setTimeout(function again() {
      tell(Date.now() - lostAt > LONG || !navigator.onLine ? "offline" : "reconnecting");
      refreshAll();
      poll = setTimeout(again, POLL);
    }, UNNOTICED);
  }
};

const isAway = () => ["reconnecting", "offline"].includes(state);

const connect = () => {
  if (socket || !wanted().size) return;
  if (!isAway()) tell("connecting");
  const opened = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/live`);
  socket = opened;
  subscribed = new Set();
  opened.addEventListener("open", () => {
    mustRead ||= failures > 0 || isAway();
    failures = 0;
    clearTimeout(poll);
    poll = 0;
    subscribe();
    tell("live");
  });
  opened.addEventListener("message", (event) => hear(JSON.parse(event.data)));
  opened.addEventListener("close", (event) => {
    if (socket !== opened) return;
    socket = null;
    if (event.code === 4401) {
      document.dispatchEvent(new CustomEvent("live:signed-out"));
      tell("offline");
      return;
    }
    if (wanted().size) schedule();
  });
};

const disconnect = () => {
  const closed = socket;
  socket = null;
  clearTimeout(timer);
  clearTimeout(poll);
  poll = 0;
  closed?.close();
};

// Follow a topic with places (`exec:<id>`, `notifications`) message by message, from `since` on; `stays()` says whether
// also while the tab is hidden. Returns a function that ends it.
export const follow = (topic, callback, since = "", stays = null) => {
  followers.set(topic, { since, hear: callback, stays });
  subscribed.delete(topic); // a part of the page may have subscribed to it, without a place
  listen();
  return () => {
    followers.delete(topic);
    subscribe();
  };
};

export const liveState = () => state;

// To what is wanted by now.
export const listen = () => {
  if (socket) subscribe();
  else if (hasBegun) connect();
};

document.addEventListener("visibilitychange", () => {
  tell(socket?.readyState === WebSocket.OPEN ? "live" : "connecting");
  if (document.hidden) {
    if (wanted().size) listen();
    else disconnect();
    return;
  }
  failures = 0;
  mustRead = true;
  listen();
});
document.addEventListener("live:signed-in", () => {
  failures = 0;
  refused.clear();
  mustRead = true;
  connect();
});
document.addEventListener("htmx:afterSettle", listen);
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  mustRead = true;
  connect();
});
// A page that is left at once opens nothing.
setTimeout(() => {
  hasBegun = true;
  connect();
}, 300);
