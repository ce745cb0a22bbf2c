// Fills the result page in by itself: asks for its changing part, which the server sends once it differs.
"use strict";
const place = document.getElementById("live");
try { // what was sent is no draft any more
  for (const key of JSON.parse(sessionStorage.getItem("sent") ?? "[]")) localStorage.removeItem(key);
  sessionStorage.removeItem("sent");
} catch { /* a browser that keeps nothing */ }
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
async function follow() {
  let pause = 500;
  while (place.dataset.final !== "1") {
    const current = place.querySelector("[data-shown]").dataset.shown;
    const asked = performance.now();
    try {
      const reply = await fetch(`${place.dataset.url}?shown=${encodeURIComponent(current)}`);
      if (!reply.ok) throw new Error(String(reply.status));
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").body;
      if (fresh.querySelector("[data-shown]").dataset.shown !== current) {
        place.replaceChildren(...fresh.childNodes);
        pause = 500;
      } else if (performance.now() - asked < 1000) {
        // The server has no thread left to let us wait: come back later, and ever later.
        await sleep(pause);
        pause = Math.min(pause * 2, 4000);
      }
      place.dataset.final = reply.headers.get("X-Final");
    } catch {
      await sleep(pause);
      pause = Math.min(pause * 2, 8000);
    }
  }
  document.title = document.title.replace(place.dataset.state, " ·");
}
if (place) follow();
