// The page of a job works without this. It keeps unfolded what was, when a part is read again, and lets a bar of the
// history be clicked: its table has the same as links.
const folds = new Set();

document.addEventListener("toggle", (event) => {
  const fold = event.target;
  if (fold.tagName !== "DETAILS" || !fold.id) return;
  if (fold.open) folds.add(fold.id);
  else if (fold.isConnected) folds.delete(fold.id);
}, true);

document.addEventListener("htmx:afterSwap", () => {
  for (const id of folds) document.getElementById(id)?.setAttribute("open", "");
});

document.addEventListener("click", (event) => {
  const bar = event.target.closest?.(".history-chart g[data-place]");
  if (!bar) return;
  const rows = document.querySelectorAll("#history-table tbody tr");
  const row = rows[rows.length - 1 - Number(bar.dataset.place)]; // the table begins with the newest
  row?.querySelector("a")?.click();
});
