// Fills the result page in by itself: asks for its changing part, which the server sends once it differs.
"use strict";
const place = document.getElementById("live");
async function follow() {
  let pause = 500;
  while (place.dataset.final !== "1") {
    const current = place.querySelector("[data-shown]").dataset.shown;
    try {
      const reply = await fetch(`${place.dataset.url}?shown=${encodeURIComponent(current)}`, {
        headers: { "X-Requested-With": "fetch" },
      });
      if (!reply.ok) throw new Error(String(reply.status));
      const text = await reply.text();
      const fresh = new DOMParser().parseFromString(text, "text/html").body;
      if (fresh.querySelector("[data-shown]").dataset.shown !== current) {
        place.replaceChildren(...fresh.childNodes);
      }
      place.dataset.final = reply.headers.get("X-Final");
      pause = 500;
      if (document.hidden) await new Promise((done) => setTimeout(done, 1000));
    } catch {
      await new Promise((done) => setTimeout(done, pause));
      pause = Math.min(pause * 2, 8000);
    }
  }
}
if (place) follow();
