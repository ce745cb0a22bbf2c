// Asks for what workers do in the background, once a second, until it is done; page.js puts it in its place.
"use strict";
async function followWork() {
  const place = document.getElementById("following");
  while (place && "busy" in place.dataset) {
    await new Promise((done) => setTimeout(done, 1000));
    try {
      const reply = await fetch(location.href);
      if (!reply.ok || place.querySelector("button:active")) continue; // a button that is being pressed stays
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("following");
      if (!fresh) continue;
      place.toggleAttribute("data-busy", "busy" in fresh.dataset);
      update(place, fresh);
    } catch { /* the server is away: what is shown stays */ }
  }
}
followWork();
