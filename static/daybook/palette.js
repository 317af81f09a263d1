// Search from everywhere (Ctrl K, /): the server finds, the arrows choose, Enter goes there.

const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const list = dialog?.querySelector("[role=listbox]");
const state = dialog?.querySelector("[data-state]");
let asked = null;
let waiting = 0;

const options = () => [...list.querySelectorAll("[role=option]")];
const current = () => list.querySelector("[aria-selected=true]");

const choose = (option) => {
  current()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", option?.id ?? "");
  option?.scrollIntoView({ block: "nearest" });
};

const show = (found, text) => {
  input.setAttribute("aria-expanded", String(found.length > 0));
  choose(found[0]);
  state.textContent = text;
};

const load = async () => {
  asked?.abort();
  asked = new AbortController();
  const query = input.value.trim();
  try {
    const answer = await fetch(`${dialog.dataset.url}?part=1&q=${encodeURIComponent(query)}`, { signal: asked.signal, headers: { "HX-Request": "true" } });
    if (answer.status === 401) {
      dialog.close();
      document.dispatchEvent(new CustomEvent("live:signed-out"));
      return;
    }
    if (!answer.ok) throw new Error(answer.statusText);
    list.innerHTML = await answer.text();
    const found = options();
    show(found, found.length ? "" : `Nothing fits “${query}”.`);
    state.nextElementSibling.textContent = found.length ? `${found.length} found` : "";
  } catch (error) {
    if (error.name === "AbortError") return;
    list.replaceChildren();
    show([], "The search does not answer. Type on to try again.");
  }
};

const go = (option, isNew) => {
  if (!option) return;
  if (isNew) window.open(option.dataset.url);
  else {
    dialog.close();
    location.assign(option.dataset.url);
  }
};

const move = { ArrowDown: (at, most) => (at + 1) % most, ArrowUp: (at, most) => (at - 1 + most) % most, PageDown: (at, most) => Math.min(at + 6, most - 1), PageUp: (at) => Math.max(at - 6, 0) };

export const open = () => {
  if (!dialog || document.querySelector("dialog[open]")) return;
  dialog.showModal();
  input.select();
  load();
};

if (dialog) {
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(load, 100);
  });
  input.addEventListener("keydown", (event) => {
    const found = options();
    if (move[event.key] && found.length) {
      event.preventDefault();
      choose(found[move[event.key](found.indexOf(current()), found.length)]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(current(), event.ctrlKey || event.metaKey);
    }
  });
  list.addEventListener("pointermove", ({ target }) => {
    const option = target.closest("[role=option]");
    if (option && option !== current()) choose(option);
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]"), event.ctrlKey || event.metaKey));
  dialog.addEventListener("close", () => {
    asked?.abort();
    clearTimeout(waiting);
    input.setAttribute("aria-expanded", "false");
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.querySelector("[data-palette]")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  for (const key of document.querySelectorAll("[data-command-key]")) if (/Mac|iP(hone|ad)/.test(navigator.platform)) key.textContent = "⌘ K";
}
