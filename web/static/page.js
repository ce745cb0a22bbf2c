// Small comforts: submit with Ctrl+Enter, keep drafts on this device, local times, the token of a personal link.
"use strict";
for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.getTime())) time.textContent = date.toLocaleString();
}
const form = document.getElementById("answer");
if (form) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  for (const area of form.querySelectorAll("textarea[data-draft]")) {
    const key = `draft:${area.dataset.draft}`;
    try {
      const kept = localStorage.getItem(key);
      if (kept && kept !== area.value && !area.dataset.given) area.value = kept;
      area.addEventListener("input", () => localStorage.setItem(key, area.value));
    } catch { /* a browser that keeps nothing */ }
  }
}
const token = document.getElementById("token");
if (token && location.hash.length > 1) {
  token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  token.form.requestSubmit();
}
