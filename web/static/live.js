// Fills the result page in by itself: asks for its changing part, which the server sends once it differs.
"use strict";
const place = document.getElementById("live");
try { // what was sent is no draft any more
  for (const key of JSON.parse(sessionStorage.getItem("sent") ?? "[]")) localStorage.removeItem(key);
  sessionStorage.removeItem("sent");
} catch { /* a browser that keeps nothing */ }
const away = document.getElementById("away");
function reached(is) {
  if (away.hidden === is) return;
  away.hidden = is;
  away.textContent = is ? "" : away.dataset.textAway;
}
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
function show(fresh) {
  const before = place.querySelector(".printing>pre");
  const scrolled = before?.scrollTop;
  const atEnd = !before || before.scrollTop + before.clientHeight >= before.scrollHeight - 4;
  const [button, next] = [place, fresh].map((part) => part.querySelector("form"));
  if (button && next) { // whoever is about to press it finds it where it was
    const [old, now] = [place, fresh].map((part) => part.querySelector("[data-shown]"));
    old.dataset.shown = now.dataset.shown;
    for (const child of [...old.children]) if (child !== button) child.remove();
    for (const child of [...now.children]) {
      if (child.matches("form")) break;
      old.insertBefore(child, button);
    }
  } else {
    place.replaceChildren(...fresh.childNodes);
  }
  if (typeof localTimes === "function") localTimes(place);
  const printing = place.querySelector(".printing>pre");
  if (printing && atEnd) printing.scrollTop = printing.scrollHeight;
  else if (printing && before) printing.scrollTop = scrolled;
}
async function follow() {
  let pause = 500;
  const rest = async (longest) => { // not at the same moment as all the others
    await sleep(pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, longest);
  };
  while (place.dataset.final !== "1") {
    const current = place.querySelector("[data-shown]").dataset.shown;
    const asked = performance.now();
    try {
      const reply = await fetch(`${place.dataset.url}?shown=${encodeURIComponent(current)}`);
      if (!reply.ok) throw new Error(String(reply.status));
      reached(true);
      if (reply.status === 204) { // nothing has changed
        // At once, where the server has no thread left to let us wait: come back later, and ever later.
        if (performance.now() - asked < 1000) await rest(4000);
        continue;
      }
      show(new DOMParser().parseFromString(await reply.text(), "text/html").body);
      pause = 500;
      place.dataset.final = reply.headers.get("X-Final");
    } catch {
      reached(false);
      await rest(8000);
    }
  }
  document.title = document.title.replace(place.dataset.state, " ·");
}
if (place) follow();
