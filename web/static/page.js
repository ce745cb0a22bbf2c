// Small comforts: submit with Ctrl+Enter, drafts kept on this device, local times, personal links, a live scoreboard.
"use strict";
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const today = date.toDateString() === new Date().toDateString();
    time.textContent = today ? date.toLocaleTimeString() : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    time.title = date.toLocaleString();
  }
}
localTimes(document);
for (const hint of document.querySelectorAll("[data-script]")) hint.hidden = false;

const form = document.getElementById("answer");
if (form) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  for (const area of form.querySelectorAll("textarea[data-draft]")) {
    const key = `draft:${area.dataset.draft}`;
    try {
      const kept = localStorage.getItem(key);
      if (kept !== null && !area.dataset.given) area.value = kept;
      area.addEventListener("input", () => localStorage.setItem(key, area.value));
      form.addEventListener("submit", () => localStorage.removeItem(key)); // the server has it now
    } catch { /* a browser that keeps nothing */ }
  }
}

const token = document.getElementById("token");
if (token && location.hash.length > 1) {
  token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  token.form.requestSubmit();
}

const link = document.querySelector("a[data-copy]");
if (link && navigator.clipboard) {
  link.textContent = "Copy your personal link";
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    await navigator.clipboard.writeText(link.href);
    document.getElementById("copied").textContent = "Copied.";
  });
}

const board = document.getElementById("board");
if (board) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const reply = await fetch(location.href);
      if (!reply.ok) return;
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("board");
      const before = board.querySelector(".board");
      const place = before && [before.scrollLeft, before.scrollTop];
      board.replaceChildren(...fresh.childNodes);
      const after = board.querySelector(".board");
      if (place && after) [after.scrollLeft, after.scrollTop] = place;
    } catch { /* the server is away: what is shown stays */ }
  }, 1000 * Number(board.dataset.refresh));
}
