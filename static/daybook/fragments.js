// Parts that are read by themselves: the old content stays meanwhile; when it fails, a box says why and tries again.

const boxes = new WeakMap(); // target -> box
const WORDS = {
  0: "The server does not answer.", 429: "Too many requests. Wait a moment.", 503: "The server is busy. Try again in a moment.",
};

const isLive = (detail) => ["live", "letters"].includes(detail.requestConfig?.triggeringEvent?.type);
const partOf = (detail) => (detail.target?.isConnected ? detail.target : detail.elt);

const reason = (xhr) => {
  const isPlain = xhr.getResponseHeader("Content-Type")?.startsWith("text/plain");
  return (isPlain && xhr.responseText.slice(0, 300)) || WORDS[xhr.status] || "Something went wrong on the server.";
};

const clear = (part) => {
  boxes.get(part)?.remove();
  boxes.delete(part);
};

const tell = (detail) => {
  const { xhr, elt } = detail;
  const part = partOf(detail);
  if (!part?.isConnected || part === document.body || part.dataset.quietErrors !== undefined) return;
  clear(part);
  const box = document.getElementById("fragment-error").content.firstElementChild.cloneNode(true);
  box.querySelector("[data-reason]").textContent = reason(xhr);
  const id = xhr.getResponseHeader("X-Request-ID");
  if (id) box.querySelector("[data-request-id]").textContent = `Request ${id}`;
  const event = detail.requestConfig?.triggeringEvent?.type;
  box.querySelector("button").addEventListener("click", () => {
    box.querySelector("button").disabled = true;
    window.htmx.trigger(elt, event ?? "live");
  });
  const table = part.closest("table");
  if (table) table.before(box);
  else part.prepend(box);
  boxes.set(part, box);
};

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (!isLive(detail)) partOf(detail)?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  partOf(detail)?.removeAttribute("aria-busy");
  if (detail.successful) clear(partOf(detail));
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status === 401) document.dispatchEvent(new CustomEvent("live:signed-out"));
  else tell(detail);
});
// While the connection is away, the frame says so once, not each part again.
document.addEventListener("htmx:sendError", ({ detail }) => { if (!isLive(detail)) tell(detail); });
document.addEventListener("htmx:timeout", ({ detail }) => tell(detail));
