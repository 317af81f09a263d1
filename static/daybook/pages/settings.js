// Finds settings by their names and meanings while one types, and those that somebody has set.

const field = document.getElementById("settings-filter");
const only = document.getElementById("settings-only");
const rows = [...document.querySelectorAll("[data-setting]")];

const find = () => {
  const words = field.value.trim().toLowerCase().split(/\s+/);
  const fits = (row) => words.every((word) => row.dataset.setting.includes(word)) && !(only.checked && row.dataset.source === "default");
  for (const row of rows) row.hidden = !fits(row);
  for (const group of document.querySelectorAll(".settings-group")) group.hidden = !group.querySelector("[data-setting]:not([hidden])");
  const shown = rows.filter((row) => !row.hidden).length;
  document.getElementById("settings-found").textContent = shown < rows.length ? `${shown} of ${rows.length} settings` : "";
};

if (field) {
  field.closest("[hidden]").hidden = false;
  field.addEventListener("input", find);
  only.addEventListener("change", find);
  find(); // what a browser has kept over a reload
}
