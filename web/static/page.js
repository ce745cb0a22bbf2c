// Small comforts: local times, personal links, a live scoreboard.
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
for (const option of document.querySelectorAll("option[data-time]")) {
  const local = new Date(option.dataset.time).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
  option.textContent = option.textContent.replace(/\d+-\d\d-\d\d \d\d:\d\d:\d\d UTC/, () => local);
}

// Deadlines are kept in UTC, which labels say where there are no scripts; here they are the reader's own time.
const written = (date, shift) => new Date(date.getTime() - shift * 60_000).toISOString().slice(0, 16);
for (const field of document.querySelectorAll("input[data-utc]")) {
  const sent = document.createElement("input");
  [sent.type, sent.name] = ["hidden", field.name];
  field.removeAttribute("name");
  field.after(sent);
  if (field.value) {
    const date = new Date(`${field.value}Z`);
    field.value = written(date, date.getTimezoneOffset());
  }
  const tell = () => { sent.value = field.value && written(new Date(field.value), 0); };
  field.addEventListener("input", tell);
  tell();
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const label of field.labels) label.textContent = label.textContent.replace("UTC", () => timeZone);
}

for (const hint of document.querySelectorAll("[data-script]")) hint.hidden = false;

const token = document.getElementById("token");
if (token && location.hash.length > 1) {
  token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  token.form.requestSubmit();
}

const link = document.querySelector("a[data-copy]");
if (link && navigator.clipboard) {
  link.textContent = link.dataset.textCopy;
  link.addEventListener("click", async (event) => {
    event.preventDefault();
    await navigator.clipboard.writeText(link.href);
    document.getElementById("copied").textContent = link.dataset.textCopied;
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
