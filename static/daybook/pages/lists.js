// The lists of jobs and executions: filters that send themselves, rows that follow what happens, selections, switches.
// Without this file the lists are plain pages with forms.

const toast = (text, tone = "error") => document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone } }));
const isPhone = window.matchMedia("(max-width: 767px)");

// --- filters ---

const bar = document.querySelector("[data-filter-bar]");
if (bar) {
  // An address says only what is chosen.
  bar.addEventListener("submit", () => {
    const hasEnds = [...bar.querySelectorAll("[name=since], [name=until]")].some((end) => end.value);
    for (const field of bar.elements) if (field.name && (!field.value || (field.name === "zone" && !hasEnds))) field.disabled = true;
  });
  window.addEventListener("pageshow", () => { for (const field of bar.elements) field.disabled = false; });
  bar.addEventListener("change", (event) => {
    if (!event.target.matches("select")) return;
    if (event.target.matches("[data-range]")) {
      if (event.target.value === "range") { bar.querySelector("[name=since]")?.focus(); return; }
      for (const end of bar.querySelectorAll("[name=since], [name=until]")) end.value = "";
    }
    bar.requestSubmit();
  });
  bar.classList.add("sends-itself");
  const fold = bar.querySelector("[data-fold]");
  const fit = () => { if (fold) fold.open = !isPhone.matches; };
  isPhone.addEventListener("change", fit);
  fit();
}

// --- selection ---

const many = document.getElementById("many");
const selection = document.querySelector("[data-selection-bar]");
const table = document.querySelector(".list-table");
const boxes = () => [...document.querySelectorAll(".row-check")];
let meansAll = false;

const showSelection = () => {
  if (!many || !selection) return;
  const checked = boxes().filter((box) => box.checked).length;
  const onPage = boxes().length;
  if (checked < onPage) meansAll = false;
  const all = document.querySelector("[data-check-all]");
  if (all) {
    all.checked = checked > 0 && checked === onPage;
    all.indeterminate = checked > 0 && checked < onPage;
  }
  for (const box of boxes()) box.closest("[data-row]").classList.toggle("is-selected", box.checked);
  many.querySelector("[data-all]").value = meansAll ? "1" : "";
  const found = Number(many.dataset.found || 0);
  const foundWords = found ? found.toLocaleString("en") : "";
  selection.hidden = checked === 0;
  document.body.classList.toggle("has-selection", checked > 0);
  const count = selection.querySelector("[data-selection-count]");
  const words = meansAll ? `All${foundWords && ` ${foundWords}`} that match` : `${checked} selected`;
  if (count.textContent !== words) count.textContent = words;
  selection.querySelector("[data-select-all]").hidden = meansAll || checked < onPage || !many.dataset.hasMore;
  selection.querySelector("[data-select-none]").hidden = checked === 0;
};

if (many && selection) {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-check-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
      meansAll = false;
    }
    if (event.target.matches("[data-check-all], .row-check")) showSelection();
  });
  selection.addEventListener("click", (event) => {
    if (event.target.closest("[data-select-all]")) meansAll = true;
    else if (event.target.closest("[data-select-none]")) for (const box of boxes()) box.checked = false;
    else return;
    showSelection();
    selection.querySelector(".selection-actions button")?.focus();
  });
  // Shift extends the selection from the box that was clicked last.
  let last = null;
  document.addEventListener("click", (event) => {
    if (!event.target.matches(".row-check")) return;
    const now = boxes();
    if (event.shiftKey && last?.isConnected) {
      const [from, to] = [now.indexOf(last), now.indexOf(event.target)].sort((one, other) => one - other);
      for (const box of now.slice(from, to + 1)) box.checked = event.target.checked;
      showSelection();
    }
    last = event.target;
  });
  showSelection();
}

// --- the switch of a row: turned at once, and back when the server refuses ---

const turn = async (button) => {
  const before = button.getAttribute("aria-checked");
  button.setAttribute("aria-checked", before === "true" ? "false" : "true");
  button.setAttribute("aria-busy", "true");
  const body = new FormData(button.form);
  body.set("id", button.value);
  try {
    const answer = await fetch(button.getAttribute("formaction"), { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
    if (answer.ok && !answer.redirected) {
      button.removeAttribute("aria-busy");
      await readRows([button.value]);
      return;
    }
    const told = answer.status === 409 ? (await answer.json()).refused.join(" ") : "The server did not take the change. Reload the page and try again.";
    throw new Error(told);
  } catch (error) {
    button.setAttribute("aria-checked", before);
    toast(error instanceof TypeError ? "The server cannot be reached; nothing was changed." : error.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-switch]");
  if (!button) return;
  event.preventDefault();
  if (!button.hasAttribute("aria-busy")) turn(button);
});

// --- menus of rows stand beside their button ---

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("[data-anchored]") || event.newState !== "open") return;
  if (!CSS.supports("position-area: bottom")) {
    const place = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
    const height = menu.offsetHeight;
    const fitsBelow = place.bottom + 4 + height < window.innerHeight;
    menu.style.inset = `${fitsBelow ? place.bottom + 4 : Math.max(8, place.top - 4 - height)}px auto auto ${Math.max(8, place.right - menu.offsetWidth)}px`;
  }
  menu.querySelector("a, button")?.focus();
}, true);
// --- rows that follow what happens ---

const EVERY = 2000;
const rowsNow = () => [...table.querySelectorAll("tbody > [data-row]")];
const changed = new Set();
const updated = new Set();
let held = [];
let timer = 0;
let lastRead = 0;
let isReading = false;

const isBusy = (row) => row.querySelector("[data-anchored]:popover-open, [aria-busy]");

const swap = (fresh) => {
  const old = document.getElementById(fresh.id);
  if (!old || isBusy(old)) return false;
  if (old.innerHTML === fresh.innerHTML) return false;
  const box = old.querySelector(".row-check");
  const inside = old.contains(document.activeElement) ? [...old.querySelectorAll("a, button, input, [tabindex]")].indexOf(document.activeElement) : -1;
  const row = document.adoptNode(fresh);
  row.querySelector(".row-check").checked = Boolean(box?.checked);
  row.classList.toggle("is-selected", Boolean(box?.checked));
  old.replaceWith(row);
  row.classList.add("is-fresh");
  if (inside >= 0) [...row.querySelectorAll("a, button, input, [tabindex]")][inside]?.focus({ preventScroll: true });
  return true;
};

const address = (ids) => {
  const url = new URL(table.dataset.liveRows, location.href);
  url.searchParams.set("ids", ids.join(","));
  const newest = table.dataset.newest;
  if (newest !== undefined) url.searchParams.set("newest", newest);
  return url;
};

async function readRows(ids) {
  if (!table) return;
  const answer = await fetch(address(ids), { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok || answer.redirected || answer.status === 204) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const told = page.querySelector("table[data-order], table[data-newest]");
  for (const fresh of page.querySelectorAll("tbody:not([data-news]) > [data-row]")) {
    if (swap(fresh)) updated.add(fresh.dataset.row);
  }
  if (told?.dataset.order !== undefined) showOrder(told.dataset.order);
  const news = page.querySelector("tbody[data-news]");
  if (news) hold([...news.querySelectorAll(":scope > [data-row]")], news.dataset.news === "more");
}

const showOrder = (order) => {
  const bar = document.querySelector("[data-order-news]");
  const isSame = order === rowsNow().map((row) => row.dataset.row).join(",");
  if (!bar || bar.hidden === isSame) { if (bar && !isSame) say(bar); return; }
  bar.hidden = isSame;
  if (!isSame) say(bar);
};

const say = (bar) => {
  const count = Math.max(updated.size, 1);
  const words = `${count} update${count === 1 ? "" : "s"}; the order is as it was when you opened the list.`;
  const place = bar.querySelector("[data-order-words]");
  if (place.textContent !== words) place.textContent = words;
};

// New rows wait until they are asked for, so that nothing moves under the pointer.
const hold = (rows, hasMore) => {
  held = rows.filter((row) => !document.getElementById(row.id));
  const button = document.querySelector("[data-new-rows]");
  if (!button) return;
  button.hidden = held.length === 0;
  const words = `${held.length}${hasMore ? "+" : ""} new`;
  if (button.textContent !== words) button.textContent = words;
  button.dataset.hasMore = hasMore ? "1" : "";
};

document.querySelector("[data-new-rows]")?.addEventListener("click", (event) => {
  const button = event.currentTarget;
  if (button.dataset.hasMore) {
    location.assign(button.dataset.newRows);
    return;
  }
  const rows = held.map((row) => document.adoptNode(row));
  table.querySelector("tbody").prepend(...rows);
  for (const row of rows) row.classList.add("is-fresh");
  if (rows.length) table.dataset.newest = rows[0].dataset.row;
  held = [];
  button.hidden = true;
  rows[0]?.querySelector(".row-link")?.focus();
  showSelection();
});

const readSoon = () => {
  if (timer || isReading) return;
  timer = setTimeout(async () => {
    timer = 0;
    isReading = true;
    lastRead = performance.now();
    const ids = changed.has("*") ? rowsNow().map((row) => row.dataset.row) : [...changed];
    changed.clear();
    try {
      await readRows(ids);
    } catch {
      // The connection is away; the next message or poll reads again.
    } finally {
      isReading = false;
      if (changed.size) readSoon();
    }
  }, Math.max(0, lastRead + EVERY - performance.now()));
};

if (table?.dataset.liveRows) {
  const kind = table.dataset.kind;
  const hear = ({ type, data }) => {
    if (type === "resync") changed.add("*");
    if (type !== "changed" || !data) { if (changed.size) readSoon(); return; }
    const ids = (data[kind] ?? []).map(String);
    if (data.has_more) changed.add("*");
    const shown = new Set(rowsNow().map((row) => row.dataset.row));
    for (const id of ids) if (shown.has(id)) changed.add(id);
    // What is not on the page may have come onto it.
    if (ids.some((id) => !shown.has(id))) changed.add("0");
    if (changed.size) readSoon();
  };
  document.addEventListener("live:message", (event) => hear(event.detail));
  let poll = 0;
  document.addEventListener("live:state", (event) => {
    clearInterval(poll);
    if (event.detail.state === "offline") poll = setInterval(() => { changed.add("*"); readSoon(); }, 10_000);
  });
}

// --- the clocks of runs that go on ---

const words = (seconds) => {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
};
const begun = new WeakMap();
setInterval(() => {
  if (document.hidden) return;
  for (const clock of document.querySelectorAll("[data-elapsed]")) {
    if (!begun.has(clock)) begun.set(clock, performance.now() - Number(clock.dataset.elapsed) * 1000);
    clock.textContent = words((performance.now() - begun.get(clock)) / 1000);
  }
}, 1000);
