// The parameter form: rows of name and value, text that grows with what is written, and secrets that stay in the page
// while its fields are read anew, since the server never sends them back. Nothing here is needed to post.

const typed = new Map();

const rowsAsText = (map) => [...map.querySelectorAll("[data-map-row]")]
  .map((row) => [...row.querySelectorAll("input")].map((input) => input.value))
  .filter(([name, value]) => name || value)
  .map(([name, value]) => `${name}: ${value}`).join("\n");

const say = (map, inner, name, value) => {
  const [nameInput, valueInput] = inner.querySelectorAll("input");
  const number = [...map.children].indexOf(inner) + 1;
  nameInput.value = name;
  valueInput.value = value;
  nameInput.setAttribute("aria-label", `Name ${number}`);
  valueInput.setAttribute("aria-label", `Value ${number}`);
  inner.querySelector("[data-map-remove]").setAttribute("aria-label", `Remove row ${number}`);
};

const addRow = (map, name = "", value = "") => {
  const row = map.lastElementChild.cloneNode(true);
  for (const input of row.querySelectorAll("input")) input.id = `${input.id.replace(/_\d+$/, "")}_${map.querySelectorAll("input").length + [...row.querySelectorAll("input")].indexOf(input)}`;
  map.append(row);
  say(map, row, name, value);
  return row;
};

const renumber = (map) => [...map.children].forEach((row) => {
  const [name, value] = [...row.querySelectorAll("input")].map((input) => input.value);
  say(map, row, name, value);
});

const clearRows = (map) => {
  while (map.children.length > 1) map.lastElementChild.remove();
  say(map, map.firstElementChild, "", "");
};

// The same values in the other way of writing; what is hidden is empty, since both are sent.
const switchMode = (details) => {
  const map = details.closest("fieldset").querySelector("[data-map]");
  const text = details.querySelector("textarea");
  map.hidden = details.open;
  map.nextElementSibling.querySelector("[data-map-add]").hidden = details.open;
  if (details.open) {
    text.value = [rowsAsText(map), text.value].filter(Boolean).join("\n");
    clearRows(map);
    grow(text);
    return;
  }
  for (const line of text.value.split("\n").filter((line) => line.trim())) {
    const [name, ...rest] = line.split(":");
    const last = map.lastElementChild;
    const isFree = [...last.querySelectorAll("input")].every((input) => !input.value);
    const row = isFree ? last : addRow(map);
    say(map, row, name.trim(), rest.join(":").trim());
  }
  text.value = "";
};

const grow = (area) => {
  if (CSS.supports("field-sizing", "content")) return;
  area.rows = Math.min(Math.max(area.value.split("\n").length, area.dataset.rows ??= area.rows), 24);
};

document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-map-add]");
  if (add) addRow(add.closest("fieldset").querySelector("[data-map]")).querySelector("input").focus();
  const remove = event.target.closest("[data-map-remove]");
  if (!remove) return;
  const row = remove.closest("[data-map-row]");
  const map = row.parentElement;
  if (map.children.length === 1) clearRows(map);
  else row.remove();
  renumber(map);
  map.dispatchEvent(new Event("input", { bubbles: true }));
  map.lastElementChild.querySelector("input").focus();
});
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-map-text]") && event.target.closest("fieldset")) switchMode(event.target);
}, true);
document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-grows]")) grow(event.target);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  typed.clear();
  for (const input of event.detail.target.querySelectorAll?.("[data-keeps]") ?? []) if (input.value) typed.set(input.id, input.value);
});
document.addEventListener("htmx:afterSwap", () => {
  for (const [id, value] of typed) {
    const input = document.getElementById(id);
    if (!input || input.value) continue;
    input.value = value;
    const fold = input.closest("details");
    if (fold) fold.open = true;
  }
  typed.clear();
});
document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[data-grows]").forEach(grow));
document.querySelectorAll("[data-grows]").forEach(grow);
