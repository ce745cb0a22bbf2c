// The form of a task: Ctrl+Enter submits, drafts are kept on this device, files and folders can be dropped on it.
"use strict";
const form = document.getElementById("answer");
const areas = [...form.querySelectorAll("textarea[data-draft]")];
const folders = [...form.querySelectorAll("input[data-takes]")];
const LARGEST = 200000; // longer texts are uploaded, not edited
const MOST = 1000; // files of a folder; the server takes fewer, and says how many

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
  const inFolder = ({ name }) => (input.dataset.takes && !name.startsWith(input.dataset.takes) ? input.dataset.takes + name : name);
  const names = new Set(files.map(inFolder));
  if (input.multiple) for (const file of input.files) if (!names.has(inFolder(file))) all.items.add(file);
  for (const file of input.multiple ? files : files.slice(-1)) all.items.add(file);
  input.files = all.files;
  listed(input);
}
// Where a file goes: into the text of its name, into the only text, into a folder, or else to the uploads.
async function take(files, ignored = []) {
  const said = [];
  for (const file of files) {
    const folder = folders.find((one) => file.name.startsWith(one.dataset.takes)) ?? folders[0];
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
  const words = said.slice(0, 5);
  if (said.length > 5) words.push(sentence("More", { count: (said.length - 5).toLocaleString() }));
  if (!said.length) words.push(sentence("Nothing"));
  if (ignored.length) words.push(sentence("Ignored", { names: ignored.slice(0, 20).join(", ") }));
  if (ignored.length > 20) words.push(sentence("Others", { count: (ignored.length - 20).toLocaleString() }));
  told(words.join(" "));
}

// Folders that are dropped: of what is in them, files go by their names from there. A folder that is called like one of
// the answer's is that one. Others are not even looked into, so that nobody waits for all of a repository.
const wanted = [...form.querySelectorAll("[data-takes]")].map((one) => one.dataset.takes);
const within = (name) => wanted.some((one) => one.endsWith("/") && name.startsWith(one));
const isTaken = (name) => wanted.includes(name) || within(name);
const leadsOn = (name) => within(name) || wanted.some((one) => one.startsWith(name));
const promised = (owner, method) => new Promise((resolve, reject) => owner[method](resolve, reject));
async function walk(folder, path, found) {
  const reader = folder.createReader();
  const entries = [];
  for (let some = [0]; some.length && entries.length < MOST; entries.push(...some)) some = await promised(reader, "readEntries");
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const name = path + entry.name;
    if (entry.isDirectory && leadsOn(`${name}/`)) await walk(entry, `${name}/`, found);
    else if (!entry.isDirectory && isTaken(name)) found.files.push(new File([await promised(entry, "file")], name));
    else found.ignored.push(entry.isDirectory ? `${name}/` : name);
    if (found.files.length >= MOST) return;
  }
}
async function takeAll(files, entries) {
  const found = { files, ignored: [] };
  for (const entry of entries) await walk(entry, leadsOn(`${entry.name}/`) ? `${entry.name}/` : "", found);
  await take(found.files, found.ignored);
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
  const items = [...event.dataTransfer.items].map((item) => [item, item.webkitGetAsEntry?.()]);
  const entries = items.map(([, entry]) => entry).filter((entry) => entry?.isDirectory);
  const files = items.map(([item, entry]) => (entry?.isDirectory ? null : item.getAsFile())).filter(Boolean);
  takeAll(files, entries).catch(() => told(sentence("Unreadable")));
}, true);
for (const input of form.querySelectorAll("input[type=file]")) input.addEventListener("change", () => listed(input));
