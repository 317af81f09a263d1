// Finds settings by their names and meanings while one types.

const field = document.getElementById("settings-filter");
const rows = [...document.querySelectorAll("[data-setting]")];

const find = () => {
  const words = field.value.trim().toLowerCase().split(/\s+/);
  for (const row of rows) row.hidden = !words.every((word) => row.dataset.setting.includes(word));
  for (const group of document.querySelectorAll(".settings-group")) group.hidden = !group.querySelector("[data-setting]:not([hidden])");
  const shown = rows.filter((row) => !row.hidden).length;
  document.getElementById("settings-found").textContent = field.value ? `${shown} of ${rows.length} settings` : "";
};

if (field) {
  field.closest("[hidden]").hidden = false;
  field.addEventListener("input", find);
}
