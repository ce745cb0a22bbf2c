// Turns the text areas of the task page into editors that highlight; the text areas stay and are what is sent.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import {
  HighlightStyle, StreamLanguage, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
import { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const LANGUAGES = { dockerfile: dockerFile, shell, compose: yaml };
const UNITS = { compose: "  " };

// The colours are the style sheet's: variables reach into a shadow tree.
const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--paper)", fontSize: "0.95rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--code)", lineHeight: "1.5", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)", padding: "0.55rem 0" },
  ".cm-line": { padding: "0 0.7rem 0 0.5rem" },
  ".cm-gutters": { color: "var(--faint)", backgroundColor: "var(--raised)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--code-line)" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--code-selected)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--code-selected)", outline: "1px solid var(--faint)" },
});
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.atom, tags.bool], color: "var(--code-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string), tags.quote], color: "var(--code-string)" },
  { tag: [tags.meta, tags.punctuation], color: "var(--faint)" },
  { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.number, tags.attributeName, tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-name)" },
  { tag: [tags.variableName, tags.definition(tags.variableName), tags.standard(tags.variableName)], color: "var(--code-variable)" },
]);

// Its sentences come with the page, in its language.
const hint = document.querySelector("[data-editor-hint]");

function extensions(area, label, changed, told) {
  const language = LANGUAGES[area.dataset.kind];
  return [
    lineNumbers(), history(), drawSelection(), highlightActiveLine(), indentOnInput(), bracketMatching(),
    EditorView.lineWrapping, EditorState.tabSize.of(4), indentUnit.of(UNITS[area.dataset.kind] || "\t"),
    look, syntaxHighlighting(colours), language ? StreamLanguage.define(language) : [],
    EditorView.contentAttributes.of({
      "aria-label": label, "aria-description": hint?.dataset.textDescribed ?? "",
      spellcheck: "false", autocapitalize: "none", autocorrect: "off", translate: "no",
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) changed(update.state.doc.toString());
    }),
    EditorView.domEventHandlers({
      // Chromium would keep the colour of what is typed over as an inline style, which the policy refuses.
      beforeinput: (event, view) => {
        if (event.inputType !== "insertText" || !event.data || view.composing) return false;
        // The editor may not have heard of the selection yet: only Chromium says what it is in a shadow tree.
        const over = view.root.getSelection?.();
        if (!over || over.isCollapsed || [over.anchorNode, over.focusNode].some((node) => !view.contentDOM.contains(node))) {
          return false;
        }
        const [from, to] = [
          view.posAtDOM(over.anchorNode, over.anchorOffset), view.posAtDOM(over.focusNode, over.focusOffset),
        ].sort((one, other) => one - other);
        const insert = view.state.toText(event.data);
        view.dispatch({
          changes: { from, to, insert },
          selection: { anchor: from + insert.length }, userEvent: "input.type", scrollIntoView: true,
        });
        return true;
      },
      focus: (event, view) => { view.setTabFocusMode(false); told(""); },
    }),
    keymap.of([
      // Without an end in time: whoever types slowly leaves as well as anybody.
      { key: "Escape", run: (view) => { view.setTabFocusMode(true); told(hint?.dataset.textLeaving ?? ""); return false; } },
      indentWithTab,
      ...historyKeymap,
      ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter"), // that submits
    ]),
  ];
}

function enhance(area) {
  const label = document.querySelector(`label[for="${area.id}"]`);
  const said = document.getElementById("editor-says");
  const place = document.createElement("div");
  place.className = "editor" + (area.classList.contains("long") ? " long" : "");
  place.dataset.editor = area.name;
  area.before(place);
  // In a shadow tree the editor's own rules are adopted style sheets, which the page's policy allows.
  const root = place.attachShadow({ mode: "open" });
  const changed = (text) => {
    if (area.value === text) return;
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const told = (text) => { if (said) said.textContent = text; };
  const view = new EditorView({
    state: EditorState.create({ doc: area.value, extensions: extensions(area, label.textContent.trim(), changed, told) }),
    root, parent: root,
  });
  // What else sets the text (a draft, a file that was dropped) says so by this event.
  area.addEventListener("set", () => {
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: area.value } });
  });
  area.hidden = true;
  label.removeAttribute("for");
  label.addEventListener("click", () => view.focus());
}

for (const area of document.querySelectorAll("textarea[data-kind]")) enhance(area);
if (hint) hint.hidden = false;
