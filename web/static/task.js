// The form of a task: Ctrl+Enter submits, drafts are kept on this device, files can be dropped anywhere on it.
"use strict";
const form = document.getElementById("answer");
const areas = [...form.querySelectorAll("textarea[data-draft]")];
const LARGEST = 200000; // longer texts are uploaded, not edited

const key = (area) => `draft:${area.dataset.draft}`;
function keep(area) {
  try { localStorage.setItem(key(area), area.value); } catch { /* a browser that keeps nothing */ }
}
function kept(area) {
  try { return localStorage.getItem(key(area)); } catch { return null; }
}
for (const area of areas) {
  area.addEventListener("input", () => keep(area));
  if ("given" in form.dataset) keep(area); // somebody chose it, or it was sent back: it is the draft now
  else area.value = kept(area) ?? area.value;
}
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

// Whoever sees the form again has sent nothing: the draft is to stay.
addEventListener("pageshow", () => {
  try { sessionStorage.removeItem("sent"); } catch { /* nothing was noted */ }
});

form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
});
form.addEventListener("submit", () => {
  // The drafts go once the page of the result is there: until then, the server may not have the answer.
  try { sessionStorage.setItem("sent", JSON.stringify(areas.map(key))); } catch { /* they stay */ }
});

// Sentences come with the page, in its language, with places for what only the browser knows.
function sentence(name, values = {}) {
  return form.dataset[`text${name}`].replace(/\{(\w+)\}/g, (_, place) => values[place]);
}
function told(words) {
  document.getElementById("dropped").textContent = words;
}
function listed(input) {
  const line = form.querySelector(`[data-chosen="${input.id}"]`);
  const files = [...input.files];
  line.hidden = files.length < 2;
  line.textContent = files.map((file) => sentence("File", { name: file.name, size: file.size.toLocaleString() })).join(", ");
}
function add(input, files) {
  const all = new DataTransfer();
  const names = new Set(files.map((file) => file.name));
  if (input.multiple) for (const file of input.files) if (!names.has(file.name)) all.items.add(file);
  for (const file of input.multiple ? files : files.slice(-1)) all.items.add(file);
  input.files = all.files;
  listed(input);
}
// Where a file goes: into the text of its name, into the only text, into a folder, or else to the uploads.
async function take(files) {
  const folder = form.querySelector("input[data-takes]");
  const said = [];
  for (const file of files) {
    const only = areas.length === 1 && !folder ? areas[0] : null;
    const area = areas.find((one) => one.dataset.takes === file.name) ?? only;
    if (area && file.size <= LARGEST) {
      const text = await file.text();
      if (!text.includes("\0") && !text.includes("\uFFFD")) {
        area.value = text;
        keep(area);
        area.dispatchEvent(new Event("set"));
        said.push(sentence("Set", { name: file.name, text: area.dataset.takes }));
        continue;
      }
    }
    add(area ? form.elements.upload : folder ?? form.elements.upload, [file]);
    said.push(sentence("Upload", { name: file.name }));
  }
  told(said.slice(0, 5).join(" ") + (said.length > 5 ? ` ${sentence("More", { count: (said.length - 5).toLocaleString() })}` : ""));
}

let inside = 0; // dragging over a child leaves the form first
const carries = (event) => event.dataTransfer?.types.includes("Files");
const shown = (count) => {
  inside = count;
  form.classList.toggle("over", count > 0);
};
form.addEventListener("dragenter", (event) => carries(event) && shown(inside + 1));
form.addEventListener("dragleave", (event) => carries(event) && shown(Math.max(0, inside - 1)));
form.addEventListener("dragover", (event) => {
  if (carries(event)) event.preventDefault();
});
form.addEventListener("drop", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  event.stopPropagation(); // the editor would take the file's text in where it was dropped
  shown(0);
  const items = [...event.dataTransfer.items].filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
  const files = items.map((item) => item.getAsFile()).filter(Boolean);
  if (files.length) take(files).catch(() => told(sentence("Unreadable")));
  else told(sentence("Folder"));
}, true);
for (const input of form.querySelectorAll("input[type=file]")) input.addEventListener("change", () => listed(input));
