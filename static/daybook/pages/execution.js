// What the page of an execution adds to its live part: running clocks, progress between two readings, a report for the
// clipboard, and that it tells those who have looked away how the run ended.
const LOOK = 15_000; // how often a page that nobody looks at asks whether the run has ended
const WHOLE = 5_000; // how often the live part is read again while only its progress changes

const part = () => document.getElementById("execution-live");
const signs = document.getElementById("execution-signs");
const title = document.title;
const mark = document.querySelector('link[rel="icon"]');
const usualMark = mark?.href;
let isActive = Boolean(part()?.hasAttribute("data-active"));
let looksAway = document.hidden;
let readAt = 0;
const open = new Set();

// The two largest units, as the server writes them.
const duration = (seconds) => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  let whole = Math.round(seconds);
  const parts = [];
  for (const [name, size] of [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]]) {
    const many = Math.floor(whole / size);
    whole -= many * size;
    if (many || parts.length) parts.push(many ? `${many} ${name}` : "");
    if (parts.length === 2) break;
  }
  return parts.filter(Boolean).join(" ");
};

// The clock of this machine may be wrong: what counts is how long the page has stood since the server said a time.
const tick = () => {
  for (const clock of document.querySelectorAll("#execution-live [data-since]")) {
    clock.dataset.loaded ??= String(performance.now() / 1000);
    clock.dataset.shown ??= String(seconds(clock.textContent));
    const now = Number(clock.dataset.shown) + performance.now() / 1000 - Number(clock.dataset.loaded);
    clock.textContent = duration(now);
  }
};
const seconds = (text) => [...text.matchAll(/([\d.]+) (d|h|min|s|ms)/g)].reduce(
  (sum, [, many, unit]) => sum + Number(many) * { d: 86_400, h: 3_600, min: 60, s: 1, ms: 0.001 }[unit], 0);

const finished = (state) => {
  if (!isActive) return;
  isActive = false;
  document.dispatchEvent(new CustomEvent("execution:finished"));
  if (!looksAway && document.hasFocus()) return;
  document.title = `${state.word}: ${title}`;
  if (mark) mark.href = state.tone === "good" ? signs.dataset.done : signs.dataset.failed;
  if (wantsNotice && window.Notification?.permission === "granted") {
    const notice = new Notification(`${signs.dataset.name}: ${state.word.toLowerCase()}`, { body: title.split(" · ")[0], icon: mark?.href, tag: location.pathname });
    notice.addEventListener("click", () => { window.focus(); notice.close(); });
  }
};

const noticed = () => {
  looksAway = document.hidden;
  if (looksAway) return;
  document.title = title;
  if (mark) mark.href = isActive ? signs.dataset.running : usualMark;
};

// A hidden page has no socket; it asks now and then.
const look = async () => {
  if (!isActive || !document.hidden) return;
  try {
    const answer = await fetch(part().dataset.statusUrl, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) return;
    const state = await answer.json();
    if (!state.is_active) finished(state);
  } catch { /* the next look tells */ }
};

const settled = () => {
  const now = part();
  if (!now) return;
  for (const fold of now.querySelectorAll("details")) if (open.has(fold.id)) fold.open = true;
  prepareNotice();
  if (isActive && !now.hasAttribute("data-active")) finished(now.dataset);
};

const progressed = (told) => {
  const bar = document.getElementById("progress");
  if (!told || !bar || performance.now() - readAt > WHOLE) {
    readAt = performance.now();
    window.htmx.trigger(part(), "live");
    return;
  }
  if (told.total) {
    bar.max = told.total;
    bar.value = told.done;
  } else bar.removeAttribute("value");
  document.getElementById("progress-text").textContent = told.text || "Progress";
  const count = document.getElementById("progress-count");
  const percent = document.createElement("b");
  percent.textContent = told.total ? `${Math.min(Math.max(Math.round((100 * told.done) / told.total), 0), 100)} %` : "";
  count.replaceChildren(percent, told.total ? ` ${told.done} of ${told.total}` : `${told.done} done`);
};

// --- the report ---

const write = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // plain http has no clipboard
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("not copied");
  }
};

const copyReport = async (link) => {
  const label = link.querySelector("span") ?? link;
  const words = label.textContent;
  const told = document.getElementById("report-told");
  try {
    const answer = await fetch(link.href, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    await write(await answer.text());
    label.textContent = "Copied";
    told.textContent = "The report is in the clipboard.";
    setTimeout(() => { label.textContent = words; told.textContent = ""; }, 2500);
  } catch {
    location.href = link.href; // at least to be read, and copied by hand
  }
};

// --- a notice on the desktop, for who asks for it ---

const NOTICE = "daybook-notice-of-runs";
let wantsNotice = false;
try { wantsNotice = localStorage.getItem(NOTICE) === "yes"; } catch { /* private windows keep nothing */ }

const prepareNotice = () => {
  const button = document.getElementById("notify-button");
  if (!button || !("Notification" in window) || Notification.permission === "denied") return;
  button.hidden = false;
  button.setAttribute("aria-pressed", String(wantsNotice && Notification.permission === "granted"));
};

const switchNotice = async () => {
  wantsNotice = !(wantsNotice && Notification.permission === "granted");
  if (wantsNotice) wantsNotice = (await Notification.requestPermission()) === "granted";
  try { localStorage.setItem(NOTICE, wantsNotice ? "yes" : "no"); } catch { /* for this page only */ }
  prepareNotice();
};

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-report]");
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    copyReport(link);
  }
  if (event.target.closest?.("#notify-button")) switchNotice();
  const more = document.getElementById("more-actions");
  if (more?.open && !more.contains(event.target)) more.open = false;
});
document.addEventListener("keydown", (event) => {
  const more = document.getElementById("more-actions");
  if (event.key === "Escape" && more?.open) {
    more.open = false;
    more.querySelector("summary").focus();
  }
});
// Folds that are open stay open when the part is read again.
document.addEventListener("toggle", (event) => {
  if (!event.target.closest?.("#execution-live") || !event.target.isConnected) return;
  if (event.target.open) open.add(event.target.id);
  else open.delete(event.target.id);
}, true);

if (part()) {
  if (isActive) {
    setInterval(tick, 1000);
    setInterval(look, LOOK);
    if (mark) mark.href = signs.dataset.running;
  }
  prepareNotice();
  document.addEventListener("live:message", ({ detail }) => {
    if (detail.type === "progress" && part()?.dataset.live?.split(" ").includes(detail.topic)) progressed(detail.data.progress);
  });
  document.addEventListener("htmx:afterSettle", settled);
  document.addEventListener("visibilitychange", noticed);
  window.addEventListener("blur", () => { looksAway = true; });
  window.addEventListener("focus", noticed);
}
