// The graph of a pipeline: three buttons make it larger and smaller, and nodes change where they stand as jobs run.
// Without this the graph is there all the same, as of when the page was opened.
const graph = document.getElementById("dag");
const holder = graph?.closest(".dag-scroll");

const LEAST = 0.2;
const MOST = 2;
let scale = 1;

const size = () => graph.viewBox.baseVal;

const zoom = (wanted) => {
  const middle = (holder.scrollLeft + holder.clientWidth / 2) / scale;
  scale = Math.min(MOST, Math.max(LEAST, wanted));
  graph.setAttribute("width", Math.round(size().width * scale));
  graph.setAttribute("height", Math.round(size().height * scale));
  holder.scrollLeft = middle * scale - holder.clientWidth / 2;
};

const zooms = {
  in: () => zoom(scale * 1.25),
  out: () => zoom(scale / 1.25),
  fit: () => zoom(Math.min(1, (holder.clientWidth - 24) / size().width)),
};

if (graph) {
  const buttons = document.querySelector(".zoom");
  buttons.hidden = false;
  if (size().width > holder.clientWidth && (holder.clientWidth - 24) / size().width > 0.7) zooms.fit();
  buttons.addEventListener("click", (event) => zooms[event.target.closest("[data-zoom]")?.dataset.zoom]?.());
}

// Beside the graph the table is there for narrow pages only.
if (graph && window.matchMedia("(min-width: 768px)").matches) document.querySelector(".table-instead")?.remove();

// --- nodes follow their jobs ---

let changed = new Set();
let isAsking = false;

const place = (node) => {
  const shown = document.getElementById(node.id);
  if (!shown || shown.outerHTML === node.outerHTML) return;
  const hadFocus = document.activeElement === shown;
  shown.replaceWith(node);
  if (hadFocus) node.focus({ preventScroll: true });
};

// The ids that were told; all where that is not known.
const ask = async () => {
  if (isAsking) return;
  isAsking = true;
  const ids = [...changed].filter((id) => document.getElementById(`node-${id}`));
  const asksAll = !changed.size;
  changed = new Set();
  try {
    if (!ids.length && !asksAll) return;
    const answer = await fetch(`${holder.dataset.nodes}ids=${asksAll ? "" : ids.join(",")}`, { headers: { Accept: "image/svg+xml" } });
    if (!answer.ok || answer.redirected) return;
    const found = new DOMParser().parseFromString(await answer.text(), "image/svg+xml");
    for (const node of [...found.querySelectorAll("a[id]")]) place(document.importNode(node, true));
  } catch {
    // The connection is away; the page says so, and asks again.
  } finally {
    isAsking = false;
  }
};

if (holder?.dataset.nodes) {
  document.addEventListener("live:message", (event) => {
    const { jobs, has_more: hasMore } = event.detail.data ?? {};
    if (hasMore) document.querySelectorAll(".dag .node").forEach((node) => changed.add(node.id.slice(5)));
    else jobs?.forEach((id) => changed.add(String(id)));
  });
  holder.addEventListener("live", ask);
}
