// Fills the screen with the scoreboard.
"use strict";
const projector = document.getElementById("full-screen");
const filled = document.getElementById("board");
if (projector && filled && document.fullscreenEnabled) {
  projector.hidden = false;
  projector.addEventListener("click", () => filled.requestFullscreen());
}
