// Small comforts: local times, personal links, parts of pages that stay up to date.
"use strict";
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const today = date.toDateString() === new Date().toDateString();
    time.textContent = today ? date.toLocaleTimeString() : date.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    time.title = date.toLocaleString();
  }
  for (const text of root.querySelectorAll("[data-moment]")) {
    const date = new Date(text.dataset.moment);
    text.textContent = text.dataset.unit === "days"
      ? date.toLocaleDateString([], { month: "short", day: "numeric" })
      : date.toLocaleTimeString([], { hour: "numeric", minute: "2-digit", ...(text.dataset.unit === "seconds" && { second: "2-digit" }) });
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

// Parts that stay up to date. Whoever reads one keeps their place in it, and the keyboard's focus.
const refreshed = [...document.querySelectorAll("[data-refresh]")];
const lively = matchMedia("(prefers-reduced-motion: no-preference)");
const shownAs = new Map();

function whatHasFocus(place) {
  const held = document.activeElement;
  if (!place.contains(held) || held === place) return null;
  if (held.id) return `#${CSS.escape(held.id)}`;
  return held.matches("a") ? `a[href="${CSS.escape(held.getAttribute("href"))}"]` : ".scroll";
}
// Of the scoreboard, only cells that differ are changed: a class's has fourteen thousand to lay out.
function ranksIn(place) {
  return place.querySelector("tbody:has(> tr[id])");
}
function change(row, fresh) {
  if (row.outerHTML === fresh.outerHTML) return;
  if (fresh.className) row.className = fresh.className;
  else row.removeAttribute("class");
  [...fresh.cells].forEach((cell, at) => {
    if (cell.outerHTML !== row.cells[at].outerHTML) row.cells[at].replaceWith(cell);
  });
}
function rank(body, fresh) {
  const rows = new Map([...body.rows].map((row) => [row.id, row]));
  let at = body.firstElementChild;
  for (const next of [...fresh.rows]) {
    const row = rows.get(next.id) ?? next;
    rows.delete(next.id);
    if (row !== next) change(row, next);
    if (at && at !== row && at.nextElementSibling === row) {
      const late = at; // comes further down, or no more
      at = row;
      late.remove();
    }
    if (at === row) at = at.nextElementSibling;
    else body.insertBefore(row, at);
  }
  for (const row of rows.values()) row.remove();
}
function put(place, fresh) {
  const body = ranksIn(place);
  const next = ranksIn(fresh);
  const parts = [...place.children];
  const known = body && next && parts.length === fresh.children.length
    && body.previousElementSibling.outerHTML === next.previousElementSibling.outerHTML;
  if (!known) return place.replaceChildren(...fresh.childNodes);
  rank(body, next);
  [...fresh.children].forEach((part, at) => {
    if (!part.contains(next) && part.outerHTML !== parts[at].outerHTML) parts[at].replaceWith(part);
  });
}
// Rows slide to their new places, and what is new in them lights up.
const inSight = ({ top, bottom }) => bottom > 0 && top < innerHeight;
function rowsOf(place) {
  return new Map([...place.querySelectorAll("tr[id]")].map((row) => [row.id, {
    box: row.getBoundingClientRect(), cells: [...row.cells].map((cell) => cell.className),
  }]));
}
function slide(place, before) {
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  // Everything is read before anything is set in motion: else each would be laid out anew for the next.
  const moved = [...place.querySelectorAll("tr[id]")]
    .map((row) => ({ row, was: before.get(row.id), box: row.getBoundingClientRect() }))
    .filter(({ was, box }) => was && (inSight(box) || inSight(was.box)));
  const changed = moved
    .flatMap(({ row, was }) => [...row.cells].filter((cell, at) => cell.className !== was.cells[at] && cell.matches(".done, .some")))
    .map((cell) => ({ cell, colour: getComputedStyle(cell).backgroundColor }));
  for (const { row, was, box } of moved) {
    const way = was.box.top - box.top;
    if (way) row.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }], { duration: 700, easing: "ease-in-out" });
  }
  for (const { cell, colour } of changed) {
    cell.animate([{ backgroundColor: ink }, { backgroundColor: colour }], 2000);
  }
}
function update(place, fresh) {
  const html = fresh?.innerHTML;
  if (html === undefined || html === shownAs.get(place)) return;
  shownAs.set(place, html);
  const focus = whatHasFocus(place);
  const scrolled = [...place.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
  const rows = lively.matches ? rowsOf(place) : null;
  put(place, fresh);
  place.querySelectorAll(".scroll").forEach((one, at) => {
    if (scrolled[at]) [one.scrollLeft, one.scrollTop] = scrolled[at];
  });
  if (focus && !place.contains(document.activeElement)) place.querySelector(focus)?.focus({ preventScroll: true });
  localTimes(place);
  if (rows) slide(place, rows);
}
if (refreshed.length) {
  let asked = "";
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const reply = await fetch(location.href);
      if (!reply.ok) return;
      const text = await reply.text();
      if (text === asked) return;
      asked = text;
      const page = new DOMParser().parseFromString(text, "text/html");
      for (const place of refreshed) update(place, page.getElementById(place.id));
    } catch { /* the server is away: what is shown stays */ }
  }, 1000 * Number(refreshed[0].dataset.refresh));
}
