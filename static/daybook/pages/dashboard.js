// Says aloud when the whole has changed, says when the top of the page could not be read again, and keeps open what is.

const FRESH = 75_000; // the top reads itself every 30 s at least

const now = () => document.getElementById("part-now");
let readAt = performance.now();
let said = document.getElementById("verdict")?.textContent;

const judge = () => {
  const part = now();
  if (!part || document.hidden) return;
  const isStale = performance.now() - readAt > FRESH;
  if (part.classList.toggle("is-stale", isStale) === Boolean(part.dataset.stale)) return;
  part.dataset.stale = isStale ? "1" : "";
  const stamp = part.querySelector(".stamp");
  stamp.firstChild.data = isStale ? "Not up to date, read at " : "As of ";
};

document.addEventListener("htmx:afterSettle", () => {
  const verdict = document.getElementById("verdict")?.textContent;
  if (verdict && verdict !== said) {
    said = verdict;
    document.getElementById("dashboard-said").textContent = verdict;
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.id === "part-now") readAt = performance.now();
});

// Sums of hours and events follow a run's end by a second or two, so what shows them is read once more.
const ECHO = 3_000;
let heardAt = -Infinity;
const resound = () => {
  echo = performance.now() - heardAt < ECHO - 200 ? setTimeout(resound, ECHO) : 0;
  for (const id of ["part-now", "part-runs", "events-new"]) {
    const part = document.getElementById(id);
    if (part?.dataset.live) window.htmx.trigger(part, "live");
  }
};
let echo = setTimeout(resound, ECHO); // of what ended just before the page was opened
document.addEventListener("live:message", (event) => {
  if (event.detail.type !== "changed") return;
  heardAt = performance.now();
  echo ||= setTimeout(resound, ECHO);
});

// A part that reads itself again keeps its tables and groups unfolded, with what they hold.
let unfolded = new Map();
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  if (!part.matches?.(".part")) return;
  unfolded = new Map([...part.querySelectorAll("details[open]")].map((fold) => [fold.querySelector("summary").id, fold]));
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, fold] of unfolded) {
    const summary = document.getElementById(id);
    const fresh = summary?.closest("details");
    if (!fresh || fresh.open) continue;
    const leaves = fresh.querySelector(".leaves");
    if (leaves) leaves.replaceWith(fold.querySelector(".leaves"));
    fresh.open = true;
  }
  unfolded = new Map();
});

setInterval(judge, 5_000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) setTimeout(judge, 5_000); });
