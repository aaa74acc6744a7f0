// One exchange in the conversation: what somebody asked, and how the bot answers.

import { setUpActions } from "./actions.js";
import { remove } from "./api.js";
import { say } from "./live.js";
import { shape, showBoth } from "./picture.js";
import * as words from "./words.js";

const exchangeTemplate = document.getElementById("exchange-template");
const resultTemplate = document.getElementById("result-template");

export class Exchange {
  constructor() {
    this.element = exchangeTemplate.content.firstElementChild.cloneNode(true);
    this.part = (name) => this.element.querySelector(`.${name}`);
  }

  // What was asked

  /** Show a photo of the asker's: a file from their disk, or an address on the server. */
  addPhoto(source, name = "Your photo") {
    const img = document.createElement("img");
    img.alt = name;
    if (!(source instanceof File)) img.loading = "lazy"; // it comes at full size
    img.onload = () => {
      img.classList.add("shown");
      this.#develop(img);
    };
    img.onerror = () => {
      // Browsers can't show every kind of photo that the bot can read.
      const box = document.createElement("span");
      box.className = "unshown";
      box.textContent = name;
      img.replaceWith(box);
    };
    // Never given back: what is asked for again shows the same photo.
    img.src = source instanceof File ? URL.createObjectURL(source) : source;
    this.part("asked-photos").append(img);
  }

  addWords(text) {
    if (!text) return;
    const line = this.part("asked-words");
    line.hidden = false;
    line.textContent = text;
  }

  // How it is answered

  tell(text, { going = false } = {}) {
    const state = this.part("reply-state");
    state.hidden = false;
    state.classList.toggle("going", going);
    this.part("reply-words").textContent = text;
    this.part("developing").classList.toggle("going", going);
  }

  /** Show that the photo is on its way; `share` is how much of it is there. */
  showSending(share) {
    const bar = this.part("sending");
    bar.hidden = share === null;
    if (share !== null) bar.value = share;
  }

  /** Say why the bot didn't take the photo; where that may pass, offer to try again. */
  tellUntaken(text, onRetry) {
    this.showSending(null);
    this.#stopDeveloping();
    this.tell(text);
    say(text);
    if (onRetry) this.#offer(words.tryAgain, onRetry);
  }

  #offer(label, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = label;
    button.onclick = () => {
      button.remove();
      action();
    };
    this.part("reply-actions").replaceChildren(button);
  }

  /** Show where the request stands. `fresh` is whether it got there just now, before the asker's eyes. */
  async showStatus(status, { fresh, onAgain, onDeleted }) {
    this.showSending(null);
    if (status.state === "answered") return this.#showResults(status, { fresh, onAgain, onDeleted });
    if (status.state === "refused") {
      this.#stopDeveloping();
      this.tell(status.refusal.message);
      if (fresh) say(status.refusal.message);
      this.#offer(words.remove, () => remove(status.id).then(onDeleted, (error) => this.tell(error.message)));
      return undefined;
    }
    const text = words.progress(status);
    if (this.part("reply-words").textContent !== text && fresh) say(text);
    return this.tell(text, { going: true });
  }

  async #showResults(status, { fresh, onAgain, onDeleted }) {
    const shown = status.results.map((picture) => this.#addResult(status, picture, { fresh, onAgain, onDeleted }));
    this.#stopDeveloping();
    const leftOut = status.left_out.map(({ index, message }) => `Photo ${index + 1}: ${message}`).join(" ");
    this.part("reply-state").hidden = !leftOut;
    if (leftOut) this.tell(leftOut);
    if (fresh) {
      say(words.ready);
      for (const compare of shown) compare.then((compare) => compare.sweep());
    }
    await Promise.all(shown);
  }

  async #addResult(status, picture, { fresh, onAgain, onDeleted }) {
    const figure = resultTemplate.content.firstElementChild.cloneNode(true);
    // Those of long ago are loaded when somebody scrolls back to them.
    if (!fresh) for (const img of figure.querySelectorAll("img")) img.loading = "lazy";
    this.part("reply-results").append(figure);
    const shown = { ...picture, halves: status.layout === "side_by_side" };
    const loading = showBoth(figure, shown);
    const compare = { showBeside: (beside) => loading.then((loaded) => loaded.showBeside(beside)) };
    setUpActions(figure, { asked: status, picture, compare, onAgain, onDeleted });
    return loading;
  }

  /** Put the asker's photo, gray, where the answer will be. */
  #develop(img) {
    const developing = this.part("developing");
    if (!this.part("reply-state").classList.contains("going") || this.part("asked-photos").children.length > 1) return;
    shape(developing.querySelector(".sizer"), img.naturalWidth, img.naturalHeight);
    developing.querySelector("img").src = img.src;
    developing.hidden = false;
  }

  #stopDeveloping() {
    this.part("developing").hidden = true;
  }

  remove() {
    this.element.remove();
  }
}
