// Everything that people can throw at the bot: chosen, dropped and pasted photos, links, words.

import { sendLink, sendPhotos, talk } from "./conversation.js";
import { smallTalk, touchPlaceholder } from "./words.js";

const LINK = /https?:\/\/[^\s<>"'“”]+/gi;
const TRAILING_PUNCTUATION = /[.,;:!?\]}]+$/;

const form = document.getElementById("composer");
const files = document.getElementById("files");
const field = document.getElementById("text");
const veil = document.getElementById("veil");
const [trigger] = document.querySelector("main").dataset.triggers.split(" ");

export function setUpComposer() {
  if (matchMedia("(hover: none)").matches) field.placeholder = touchPlaceholder;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    field.value = "";
    if (text) hear(text);
  });
  files.addEventListener("change", () => {
    take([...files.files]);
    files.value = "";
  });
  document.addEventListener("paste", paste);
  setUpDropping();
}

/** Answer a written message: every link in it is a photo to fetch. */
function hear(text) {
  const links = (text.match(LINK) ?? []).map(trimmed);
  if (!links.length) talk(text, smallTalk(text, trigger));
  for (const link of new Set(links)) sendLink(links.length === 1 ? text : link, link);
}

/** Cut off what belongs to the sentence around a link; a bracket that was opened in it is its own. */
function trimmed(link) {
  const bare = link.replace(TRAILING_PUNCTUATION, "");
  const unopened = bare.endsWith(")") && bare.split(")").length > bare.split("(").length;
  return unopened ? trimmed(bare.slice(0, -1)) : bare;
}

function take(chosen) {
  if (chosen.length) sendPhotos(chosen);
}

function paste(event) {
  const pasted = [...event.clipboardData.files];
  if (pasted.length) {
    event.preventDefault();
    take(pasted);
  } else if (!(event.target instanceof HTMLInputElement)) {
    event.preventDefault();
    field.value = event.clipboardData.getData("text").trim();
    field.focus();
  }
}

function setUpDropping() {
  let inside = 0; // entering a child comes before leaving its parent
  const open = (isOpen) => veil.classList.toggle("open", isOpen);
  const isWelcome = ({ dataTransfer }) => ["Files", "text/uri-list"].some((type) => dataTransfer.types.includes(type));

  document.addEventListener("dragenter", (event) => {
    if (!isWelcome(event)) return;
    inside += 1;
    open(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!isWelcome(event)) return;
    inside = Math.max(0, inside - 1);
    if (!inside) open(false);
  });
  document.addEventListener("dragover", (event) => {
    if (isWelcome(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    inside = 0;
    open(false);
    if (!isWelcome(event)) return;
    event.preventDefault();
    const dropped = [...event.dataTransfer.files];
    const link = event.dataTransfer.getData("text/uri-list").split("\n").find((line) => /^https?:/.test(line));
    if (dropped.length) take(dropped);
    else if (link) sendLink(link.trim(), link.trim());
  });
}
