// The gallery of one's own results.

import { remove } from "./api.js";
import { say } from "./live.js";
import { showAfter } from "./picture.js";
import { deleted } from "./words.js";

const gallery = document.getElementById("gallery");

for (const tile of gallery.children) {
  const picture = JSON.parse(tile.dataset.picture);
  tile.style.setProperty("--ratio", picture.width / picture.height);
  showAfter(tile.querySelector("img"), picture).catch(() => {}); // stays an empty frame; its page says more
  tile.querySelector("button").addEventListener("click", () => askAndDelete(tile));
}

/** Delete at the second click; looking away means keeping it. */
async function askAndDelete(tile) {
  const button = tile.querySelector("button");
  if (!tile.classList.contains("asking")) {
    tile.classList.add("asking");
    button.setAttribute("aria-label", "Really delete this photo for good?");
    say("Press again to delete this photo for good.");
    button.addEventListener("blur", () => tile.classList.remove("asking"), { once: true });
    return;
  }
  try {
    await remove(tile.dataset.id);
  } catch (error) {
    say(error.message);
    return;
  }
  say(deleted);
  for (const other of [...gallery.querySelectorAll(`[data-id="${tile.dataset.id}"]`)]) other.remove();
  document.getElementById("none").hidden = gallery.childElementCount > 0;
}
