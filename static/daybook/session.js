// A session that has ended: a dialog asks to sign in again, in another tab, and what was typed here stays.

const dialog = document.getElementById("signed-out");
const said = dialog?.querySelector("[data-said]");
const channel = "BroadcastChannel" in window ? new BroadcastChannel("daybook-session") : null;

export const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

const ask = () => {
  if (!dialog || dialog.open) return;
  said.textContent = "";
  dialog.showModal();
};

// A new session has a new token; the forms of this page get it.
const check = async () => {
  const answer = await fetch(dialog.dataset.session, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) {
    said.textContent = answer?.status === 401 ? "You are not signed in yet." : "The server does not answer. Try again in a moment.";
    return;
  }
  const { user, token } = await answer.json();
  if (user !== dialog.dataset.user) {
    said.textContent = `You are signed in as ${user} now. Load this page again to go on; what you typed here is lost.`;
    return;
  }
  for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  dialog.close();
  document.dispatchEvent(new CustomEvent("live:signed-in"));
};

if (dialog) {
  document.addEventListener("live:signed-out", ask);
  dialog.querySelector("[data-check]").addEventListener("click", check);
  const look = () => { if (dialog.open) check(); };
  channel?.addEventListener("message", look);
  window.addEventListener("focus", look);
  channel?.postMessage("signed in");
}
