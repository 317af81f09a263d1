// The page of the inbox: its count, and a line that says what came meanwhile; nothing moves under the pointer.
import { store } from "../notifications.js";

const news = document.querySelector("[data-inbox-news]");
const shown = document.querySelector("[data-unread-count]");
const came = new Set();
let gone = 0;

store.subscribe(({ kind, notification, unread, ids }) => {
  if (unread !== undefined && shown) shown.textContent = unread.toLocaleString("en");
  if (kind === "created" && notification) came.add(notification.id);
  if (kind === "cleared") gone += ids.length || 1;
  if (kind === "resync") gone += 1;
  if (!news || !(came.size || gone)) return;
  news.hidden = false;
  news.textContent = gone ? "The inbox has changed: read it again" : `${came.size} new`;
});
