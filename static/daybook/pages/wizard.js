// The wizard: saves the draft while it is written, and lets the gallery be searched and walked by keys.

document.documentElement.classList.add("has-scripts");

// --- the draft ---

const form = document.querySelector("[data-draft]");

// What the control takes of the text that it was served with: no line break in one line, no letters in a number.
const served = (control) => {
  const probe = control.cloneNode();
  probe.value = control.defaultValue;
  return probe.value;
};

// Values by name, as the form would send them; `asServed` reads what the page was served with.
const valuesOf = (root, asServed = false) => {
  const found = new Map();
  for (const control of root.querySelectorAll("input[name], select[name], textarea[name]")) {
    if (["_", ""].includes(control.name[0] ?? "") || control.type === "hidden" || control.disabled) continue;
    const values = found.get(control.name) ?? [];
    if (control.type === "checkbox" || control.type === "radio") {
      if (asServed ? control.defaultChecked : control.checked) values.push(control.value);
    } else if (control.tagName === "SELECT") {
      const options = [...control.options];
      const chosen = options.filter((option) => (asServed ? option.defaultSelected : option.selected));
      if (!chosen.length && !control.multiple && options.length) chosen.push(options[0]);
      values.push(...chosen.map((option) => option.value));
    } else {
      values.push(asServed ? served(control) : control.value);
    }
    found.set(control.name, values);
  }
  return new Map([...found].map(([name, values]) => [name, JSON.stringify(values)]));
};

const keepDraft = () => {
  const state = document.getElementById("draft-state");
  const unsaved = document.getElementById("draft-unsaved");
  const field = document.getElementById("draft-changed");
  let saved = valuesOf(form, true);
  let sending = null;
  let isLeaving = false;
  field.disabled = false;

  const changes = () => {
    const now = valuesOf(form);
    return [...new Set([...saved.keys(), ...now.keys()])].filter((name) => saved.get(name) !== now.get(name));
  };
  const note = () => { field.value = changes().join("\n"); };

  form.addEventListener("input", note);
  form.addEventListener("change", note);
  form.addEventListener("submit", () => { note(); isLeaving = true; });
  // What a fragment brings was written here, unless it is only shown.
  form.addEventListener("htmx:afterSwap", (event) => {
    if (event.target === state) return;
    for (const name of valuesOf(event.target).keys()) saved.delete(name);
    note();
  });
  state.addEventListener("htmx:configRequest", (event) => {
    note();
    event.detail.parameters.changed = field.value;
    sending = valuesOf(form);
  });
  state.addEventListener("htmx:afterRequest", (event) => {
    unsaved.hidden = event.detail.successful;
    if (event.detail.successful && sending) saved = sending;
    sending = null;
    note();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!isLeaving && changes().length) event.preventDefault();
  });
  for (const other of document.querySelectorAll("[data-leaves]")) other.addEventListener("submit", () => { isLeaving = true; });
  note();
  // Some are quicker than the scripts of the page.
  document.addEventListener("DOMContentLoaded", () => { if (changes().length) window.htmx.trigger(state, "draft:save"); });
};

if (form) keepDraft();

// A link of the review leads to a field that may be folded away.
const unfold = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target || !form?.contains(target)) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target.scrollIntoView({ block: "center" });
  target.focus();
};
unfold();
window.addEventListener("hashchange", unfold);

// One writes at once; who came for a mistake is led there, and a phone's keyboard waits until it is wanted.
if (form && !location.hash && !document.getElementById("error-summary") && window.matchMedia("(hover: hover)").matches) {
  const first = [...form.querySelectorAll("input:not([type=hidden], [type=radio]:not(:checked)), select, textarea")].find((control) => control.offsetParent);
  first?.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const button = document.querySelector(".wizard-bar .button:not(.plain, [disabled])");
  if (!button) return;
  event.preventDefault();
  button.click();
});

// --- the gallery ---

const search = document.getElementById("gallery-query");
const cards = () => [...document.querySelectorAll(".template-card")].filter((card) => card.offsetParent);

const filter = () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of document.querySelectorAll("[data-words]")) {
    item.hidden = !words.every((word) => item.dataset.words.includes(word));
  }
  for (const shelf of document.querySelectorAll("[data-shelf]")) shelf.hidden = !shelf.querySelector("[data-words]:not([hidden])");
  const count = new Set(cards().map((card) => card.value)).size;
  document.querySelector("[data-gallery-none]").hidden = count > 0;
  document.querySelector("[data-gallery-count]").textContent = words.length ? `${count} template${count === 1 ? "" : "s"}` : "";
};

// The card in this direction, by where it is drawn.
const neighbour = (card, key) => {
  const here = card.getBoundingClientRect();
  const all = cards();
  if (key === "ArrowRight" || key === "ArrowLeft") return all[all.indexOf(card) + (key === "ArrowRight" ? 1 : -1)];
  const below = all
    .map((other) => ({ other, box: other.getBoundingClientRect() }))
    .filter(({ box }) => (key === "ArrowDown" ? box.top > here.top + 5 : box.top < here.top - 5));
  below.sort((one, two) => Math.abs(one.box.top - here.top) - Math.abs(two.box.top - here.top) || Math.abs(one.box.left - here.left) - Math.abs(two.box.left - here.left));
  return below[0]?.other;
};

if (search) {
  search.addEventListener("input", filter);
  search.form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (search.value.trim()) cards()[0]?.click();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && cards().length) {
      event.preventDefault();
      cards()[0].focus();
    }
  });
  document.getElementById("gallery").addEventListener("keydown", (event) => {
    const card = event.target.closest(".template-card");
    if (!card || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const next = neighbour(card, event.key);
    if (next) next.focus();
    else if (event.key === "ArrowUp") search.focus();
  });
  if (search.value) filter();
  if (window.matchMedia("(hover: hover)").matches && !document.querySelector(".gallery-asked")) search.focus();
}

// The log of the dry run stays at its end.
const follow = () => {
  const log = document.getElementById("trial-log");
  if (log) log.scrollTop = log.scrollHeight;
};
document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "dry-run") follow(); });
follow();
