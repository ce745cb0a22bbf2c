// Fills the screen with what a class is to see.
"use strict";
const projector = document.getElementById("full-screen");
const filled = projector && document.getElementById(projector.dataset.fills);
if (filled && document.fullscreenEnabled) {
  projector.hidden = false;
  projector.addEventListener("click", () => filled.requestFullscreen());
}
