// The log of a run: follows it line by line, reads other stretches on demand, searches on the server.
//
// What the page shows is a stretch of consecutive lines (of the chosen level), at most MOST at a time, in chunks that
// the browser lays out only when they come into sight. `seen` is the last line that is known of, shown or not: what
// comes twice, by the socket and by a poll, is told apart by it.
import { follow, liveState } from "../live.js";

const MOST = 20_000;
const CHUNK = 200;
const POLL = 10_000;
const SHORT = 15; // lines that need no box of a fixed height
const NEAR = 40; // px from the end that still count as there
const GRAVITY = ["debug", "info", "warning", "error"];

const log = document.getElementById("log");
const at = (id) => document.getElementById(id);
const stored = (name) => { try { return localStorage.getItem(`daybook-log-${name}`); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(`daybook-log-${name}`, value); } catch { /* private windows keep nothing */ } };
const clock = (when) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: log.dataset.zone }).format(when);
const count = (number) => number.toLocaleString("en-GB");
const ago = (milliseconds) => {
  const seconds = Math.max(Math.round(milliseconds / 1000), 0);
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
};

const start = () => {
  const list = at("log-lines");
  const level = at("log-level");
  const text = at("log-search-text");
  let active = "active" in log.dataset;
  let seen = Number(log.dataset.last);
  let shown = list.querySelectorAll("li[id]").length;
  let atTail = at("log-later").hidden; // whether the last line that there is is shown
  let follows = active;
  let unread = 0;
  let busy = null; // the stretch that is being read
  let lastLineAt = Date.parse(list.querySelector("li:last-of-type time")?.dateTime ?? "") || 0;
  let beatAt = 0;
  let toldAt = Date.now(); // when it was last certain that nothing is missing
  let match = null;

  // --- what is shown ---

  const edges = () => {
    at("log-later").hidden = atTail;
    at("log-empty").hidden = shown > 0;
    log.classList.toggle("is-short", shown <= SHORT);
    const news = at("log-new");
    news.hidden = !unread;
    news.textContent = unread === 1 ? "1 new line" : `${count(unread)} new lines`;
  };

  // Heights of what is not laid out yet are guesses, so once more when they are known.
  const toEnd = () => {
    log.scrollTop = log.scrollHeight;
    requestAnimationFrame(() => { log.scrollTop = log.scrollHeight; });
  };

  // Changes what stands above without moving what is read: the browser's own anchoring rests meanwhile.
  const keepPlace = (anchor, change) => {
    log.classList.add("is-moving");
    const before = anchor?.getBoundingClientRect().top ?? 0;
    change();
    if (anchor?.isConnected) log.scrollTop += anchor.getBoundingClientRect().top - before;
    requestAnimationFrame(() => log.classList.remove("is-moving"));
  };

  const setFollow = (wanted) => {
    follows = wanted && active;
    at("log-follow")?.setAttribute("aria-pressed", String(follows));
    if (wanted) unread = 0;
    edges();
  };

  const drop = (side) => {
    // Whole chunks from one side, without moving what is read.
    while (shown > MOST && list.children.length > 1) {
      const chunk = side === "start" ? list.firstElementChild : list.lastElementChild;
      shown -= chunk.querySelectorAll("li[id]").length;
      if (side === "start") {
        at("log-earlier").hidden = false;
        keepPlace(list.lastElementChild, () => chunk.remove());
      } else {
        atTail = false;
        chunk.remove();
      }
    }
  };

  const cell = (name, content) => {
    const made = document.createElement(name);
    made.textContent = content;
    return made;
  };

  const render = (line) => {
    const row = document.createElement("li");
    row.id = `L${line.sequence}`;
    row.className = `level-${line.level}`;
    const link = cell("a", line.sequence);
    link.href = `#L${line.sequence}`;
    link.tabIndex = -1;
    const when = new Date(line.logged_at);
    const time = cell("time", clock(when));
    time.dateTime = line.logged_at;
    const offset = (when - Date.parse(log.dataset.started)) / 1000;
    time.dataset.offset = `${offset < 0 ? "-" : "+"}${Math.abs(offset).toFixed(1)} s`;
    const message = document.createElement("span");
    if (line.pieces) {
      for (const [names, part] of line.pieces) {
        if (!names) { message.append(part); continue; }
        const piece = cell("span", part);
        piece.className = names;
        message.append(piece);
      }
    } else message.textContent = line.message;
    row.append(link, time, cell("b", line.level), message);
    return row;
  };

  let attempt = Number(log.dataset.attempt);
  const append = (lines) => {
    let chunk = list.lastElementChild;
    for (const line of lines) {
      if (!chunk || chunk.childElementCount >= CHUNK) {
        chunk = document.createElement("ol");
        chunk.className = "log-chunk";
        chunk.dataset.first = line.sequence;
        list.append(chunk);
      }
      if (line.attempt > 1 && line.attempt !== attempt) {
        const divider = cell("li", `Attempt ${line.attempt}`);
        divider.className = "log-divider";
        chunk.append(divider);
      }
      attempt = line.attempt;
      chunk.append(line.row ?? render(line));
      chunk.dataset.last = line.sequence;
    }
    shown += lines.length;
  };

  // --- new lines ---

  const take = (lines) => {
    const fresh = lines.filter((line) => line.sequence > seen);
    if (!fresh.length) return;
    seen = fresh.at(-1).sequence;
    lastLineAt = Date.parse(fresh.at(-1).logged_at);
    const fitting = level.value ? fresh.filter((line) => GRAVITY.indexOf(line.level) >= GRAVITY.indexOf(level.value)) : fresh;
    if (!fitting.length) return;
    if (!follows) unread += fitting.length;
    if (atTail && !busy && (follows || shown + fitting.length <= MOST)) append(fitting);
    else atTail = false;
    if (follows) {
      drop("start");
      if (atTail) toEnd();
      else if (!busy) catchUp();
    }
    edges();
  };

  // --- other stretches ---

  const ask = async (url, wishes) => {
    const query = new URLSearchParams(Object.entries(wishes).filter(([, value]) => value !== "" && value !== undefined));
    const answer = await fetch(`${url}?${query}`, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    return answer;
  };

  // Reads lines `after`, `before` or `around` one, or the end. The first two are added; the others replace all.
  const stretch = (wishes) => {
    const adds = "before" in wishes ? "before" : "after" in wishes ? "after" : "";
    const asked = (async () => {
      log.setAttribute("aria-busy", "true");
      try {
        const answer = await ask(log.dataset.url, { ...wishes, level: level.value });
        const found = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
        if (busy !== asked) return;
        const chunks = [...found.children];
        const lines = found.querySelectorAll("li[id]").length;
        if (adds === "before") {
          keepPlace(list.firstElementChild, () => list.prepend(...chunks));
          shown += lines;
          drop("end");
        } else if (adds === "after") {
          list.append(...chunks);
          shown += lines;
          drop("start");
        } else {
          list.replaceChildren(...chunks);
          shown = lines;
        }
        if (adds !== "after") at("log-earlier").hidden = !found.dataset.earlier;
        if (adds !== "before") {
          atTail = !found.dataset.later;
          const last = Number(list.lastElementChild?.dataset.last ?? 0);
          if (atTail && !level.value && last > seen) seen = last;
          // Lines that came by the socket meanwhile were only counted.
          if (atTail && last < seen && !level.value) atTail = false;
        }
        log.removeAttribute("data-failed");
      } catch {
        log.dataset.failed = "1";
      } finally {
        if (busy === asked) {
          busy = null;
          log.removeAttribute("aria-busy");
        }
        edges();
        freshness();
        if (!busy && follows && !atTail && !log.dataset.failed) catchUp();
      }
    })();
    busy = asked;
    return asked;
  };

  const catchUp = () => stretch({}).then(toEnd);

  const firstShown = () => Number(list.firstElementChild?.dataset.first ?? 0);
  const lastShown = () => Number(list.lastElementChild?.dataset.last ?? 0);

  const earlier = () => { if (!busy && !at("log-earlier").hidden) return stretch({ before: firstShown() }); };
  const later = () => { if (!busy && !atTail) return stretch({ after: lastShown() }); };

  const bring = async (sequence) => {
    if (!at(`L${sequence}`)) await stretch({ around: sequence });
    return at(`L${sequence}`);
  };

  // --- places in it ---

  const mark = (name, from, to) => {
    list.querySelectorAll(`.${name}`).forEach((row) => row.classList.remove(name));
    for (const row of list.querySelectorAll("li[id]")) {
      const place = Number(row.id.slice(1));
      if (place >= from && place <= to) row.classList.add(name);
    }
  };

  const linked = () => {
    const [, from, to] = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash) ?? [];
    return from ? [Number(from), Number(to ?? from)].sort((one, other) => one - other) : null;
  };

  const showLinked = async ({ scrolls }) => {
    const place = linked();
    if (!place) return;
    setFollow(false);
    const row = await bring(place[0]);
    mark("is-linked", ...place);
    if (scrolls) row?.scrollIntoView({ block: "center" });
  };

  const highlight = (row, needle) => {
    if (!("highlights" in CSS)) return;
    const ranges = [];
    const walker = document.createTreeWalker(row.querySelector("span"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const content = node.data.toLowerCase();
      for (let place = content.indexOf(needle); place >= 0; place = content.indexOf(needle, place + needle.length)) {
        const range = new Range();
        range.setStart(node, place);
        range.setEnd(node, place + needle.length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("log-match", new Highlight(...ranges));
  };

  const look = async (direction) => {
    const wanted = text.value.trim();
    at("log-previous").hidden = at("log-next").hidden = !wanted;
    if (!wanted) {
      at("log-matches").textContent = "";
      match = null;
      mark("is-match", 0, -1);
      CSS.highlights?.delete("log-match");
      return;
    }
    const from = match?.text === wanted ? match.sequence : 0;
    const place = direction === "back" ? { before: from || seen + 1 } : { after: from };
    let found;
    try {
      found = await (await ask(log.dataset.searchUrl, { search: wanted, level: level.value, ...place })).json();
    } catch {
      at("log-matches").textContent = "No answer; try again";
      return;
    }
    if (text.value.trim() !== wanted) return;
    if (!found.count) {
      match = null;
      mark("is-match", 0, -1);
      CSS.highlights?.delete("log-match");
      at("log-matches").textContent = "Not found";
      return;
    }
    match = { text: wanted, sequence: found.sequence };
    at("log-matches").textContent = `${count(found.position)} of ${count(found.count)}${found.is_cut ? "+" : ""}`;
    setFollow(false);
    const row = await bring(found.sequence);
    mark("is-match", found.sequence, found.sequence);
    row?.scrollIntoView({ block: "center" });
    if (row) highlight(row, wanted.toLowerCase());
  };

  // One after the other: the next match is counted from the last one.
  let looking = Promise.resolve();
  const search = (direction) => { looking = looking.then(() => look(direction)); };

  // --- how fresh it is ---

  const ending = () => {
    const word = document.getElementById("execution-live")?.dataset.word ?? "";
    return `${word ? `Finished, ${word.toLowerCase()}, ` : ""}${count(seen)} line${seen === 1 ? "" : "s"}`;
  };

  const freshness = () => {
    const words = at("log-freshness");
    const state = liveState();
    words.dataset.state = !active ? "over" : state === "live" ? "live" : "away";
    if (!active && !seen) at("log-empty").textContent = "It logged nothing.";
    const cut = list.querySelector(".log-cut") ? ", cut off where it was too long" : "";
    let said;
    if (log.dataset.failed) said = "These lines could not be read. Scroll or press Follow to try again.";
    else if (!active) said = `${ending()}${cut}`;
    else if (state === "live") {
      toldAt = Date.now();
      const line = lastLineAt ? `last line ${ago(Date.now() - lastLineAt)}` : "no line yet";
      said = `Live: ${line}${beatAt ? `, worker heartbeat ${ago(Date.now() - beatAt)}` : ""}${cut}`;
    } else if (state === "offline") said = `Not live, asks every 10 s: shows lines up to ${clock(toldAt)}`;
    else said = `Reconnecting…, shows lines up to ${clock(toldAt)}`;
    if (words.textContent !== said) words.textContent = said;
  };

  const finish = () => {
    if (!active) return;
    active = false;
    delete log.dataset.active;
    at("log-follow")?.remove();
    follows = false;
    freshness();
    at("log-told").textContent = ending();
  };

  // --- what people do ---

  let restful = log.scrollTop;
  log.addEventListener("scroll", () => {
    const left = log.scrollHeight - log.scrollTop - log.clientHeight;
    if (log.scrollTop < restful - 2 && left > NEAR) setFollow(false);
    if (left <= NEAR && atTail && (unread || (active && !follows))) setFollow(true);
    restful = log.scrollTop;
    if (log.scrollTop < 600) earlier();
    if (left < 600 && !follows) later();
  }, { passive: true });
  const tail = async () => {
    if (!atTail) await stretch({});
    setFollow(true);
    unread = 0;
    edges();
    toEnd();
  };
  at("log-new").addEventListener("click", async () => { await tail(); log.focus(); });
  at("log-follow")?.addEventListener("click", () => (follows ? setFollow(false) : tail()));
  at("log-earlier").addEventListener("click", (event) => { event.preventDefault(); earlier(); log.focus(); });
  at("log-later").addEventListener("click", (event) => { event.preventDefault(); tail(); log.focus(); });
  at("log-search").addEventListener("submit", (event) => { event.preventDefault(); search(); });
  at("log-next").addEventListener("click", () => search());
  at("log-previous").addEventListener("click", () => search("back"));
  let typing = 0;
  text.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(search, 300); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      clearTimeout(typing);
      search(event.shiftKey ? "back" : "");
    }
  });
  level.addEventListener("change", async () => {
    match = null;
    unread = 0;
    await stretch({});
    if (active) setFollow(true);
    toEnd();
    if (text.value.trim()) search();
  });
  const times = at("log-times");
  times.hidden = false;
  times.value = log.dataset.times = ["offset", "off"].includes(stored("times")) ? stored("times") : "clock";
  times.addEventListener("change", () => { log.dataset.times = times.value; store("times", times.value); });
  const wrap = at("log-wrap");
  const setWrap = (wraps) => { wrap.setAttribute("aria-pressed", String(wraps)); log.classList.toggle("is-long", !wraps); };
  wrap.hidden = false;
  setWrap(stored("wrap") !== "no");
  wrap.addEventListener("click", () => {
    const wraps = wrap.getAttribute("aria-pressed") !== "true";
    setWrap(wraps);
    store("wrap", wraps ? "yes" : "no");
  });
  if (at("log-follow")) at("log-follow").hidden = false;
  list.addEventListener("click", (event) => {
    const link = event.target.closest("li > a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const place = Number(link.textContent);
    const before = linked();
    const [from, to] = event.shiftKey && before ? [Math.min(before[0], place), Math.max(before[0], place)] : [place, place];
    history.replaceState(null, "", from === to ? `#L${from}` : `#L${from}-L${to}`);
    showLinked({ scrolls: false });
  });
  log.addEventListener("keydown", async (event) => {
    if (event.target !== log || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "End") { event.preventDefault(); tail(); }
    if (event.key === "Home") {
      event.preventDefault();
      setFollow(false);
      if (!at("log-earlier").hidden) await stretch({ around: 1 });
      log.scrollTop = 0;
    }
  });
  window.addEventListener("hashchange", () => showLinked({ scrolls: true }));

  // --- what the server tells ---

  const poll = async () => {
    if (!active || busy || document.hidden || liveState() === "live") return;
    try {
      for (let more = true; more && active;) {
        const answer = await ask(log.dataset.url, { after: seen });
        const found = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
        const rows = [...found.querySelectorAll("li[id]")];
        let number = attempt;
        take(rows.map((row) => {
          const divider = row.previousElementSibling?.matches(".log-divider") && row.previousElementSibling;
          if (divider) number = Number(divider.textContent.replace(/\D/g, ""));
          return {
            row, sequence: Number(row.id.slice(1)), attempt: number,
            level: /level-(\w+)/.exec(row.className)[1], logged_at: row.querySelector("time").dateTime,
          };
        }));
        more = Boolean(found.dataset.later) && rows.length > 0;
      }
      toldAt = Date.now();
    } catch { /* the footer says up to when the lines are known */ }
    freshness();
  };

  if (active) {
    follow(log.dataset.topic, (message) => {
      if (message.type === "log.lines") take(message.data.lines);
      if (message.type === "progress") beatAt = Date.parse(message.at);
      if (message.type === "end") finish();
      freshness();
    }, log.dataset.since);
    document.addEventListener("live:state", freshness);
    document.addEventListener("execution:finished", () => { if (liveState() !== "live") poll().then(finish); });
    setInterval(freshness, 1000);
    setInterval(poll, POLL);
    edges();
  }
  edges();
  if (linked()) showLinked({ scrolls: true });
  else if (log.dataset.place) bring(Number(log.dataset.place)).then((row) => row?.scrollIntoView({ block: "center" }));
  else toEnd();
  at("log-previous").hidden = at("log-next").hidden = !text.value;
  if (text.value && !linked()) search();
  freshness();
};

if (log) start();
