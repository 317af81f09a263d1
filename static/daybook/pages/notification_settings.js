// Notices on the desktop: whether this browser lets us, and a way to ask it.

const part = document.querySelector("[data-desktop]");
const wish = document.getElementById("id_on_desktop");
const ask = part.querySelector("[data-desktop-ask]");
const attempt = part.querySelector("[data-desktop-try]");
const WORDS = {
  granted: "This browser allows it.",
  denied: "This browser refuses it. Its own settings for this site say why, and change it.",
  default: "This browser was not asked yet.",
  missing: "This browser cannot do it here: it takes a secure connection (https).",
};

const permission = () => (window.isSecureContext && "Notification" in window && navigator.locks ? Notification.permission : "missing");

const show = () => {
  const now = permission();
  part.hidden = false;
  part.querySelector("[data-desktop-words]").textContent = WORDS[now];
  ask.hidden = now !== "default";
  attempt.hidden = now !== "granted";
};

const request = async () => {
  if (permission() === "default") await Notification.requestPermission();
  show();
};

ask.addEventListener("click", request);
wish.addEventListener("change", () => { if (wish.checked) request(); });
attempt.addEventListener("click", () => new Notification("Daybook", { body: "Notifications look like this.", tag: "daybook-try" }));
show();
