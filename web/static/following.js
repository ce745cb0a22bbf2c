// Asks for what a worker does in the background, once a second, until it is done.
"use strict";
async function followWork() {
  for (;;) {
    const place = document.getElementById("following");
    if (!place || !("busy" in place.dataset)) return;
    await new Promise((done) => setTimeout(done, 1000));
    try {
      const reply = await fetch(location.href);
      if (!reply.ok) continue;
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("following");
      if (fresh) place.replaceWith(fresh);
      if (fresh && typeof localTimes === "function") localTimes(fresh);
    } catch { /* the server is away: what is shown stays */ }
  }
}
followWork();
