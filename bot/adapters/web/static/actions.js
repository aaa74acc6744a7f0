// The buttons under a result.

import { remove } from "./api.js";
import { say } from "./live.js";
import { copied, deleted } from "./words.js";

const VIVIDNESS_STEP = 0.3;
const MOST_VIVID = 2;
const SOFTEST = 0.1;

/**
 * Bring a result's buttons to life.
 *
 * `asked` is the request's status, `picture` one of its results. `onAgain(vividness)` and `onDeleted()` are what the page
 * does then; without them, the result is somebody else's, and the buttons for its owner go.
 */
export function setUpActions(figure, { asked, picture, compare, onAgain, onDeleted }) {
  const [main, confirmation] = figure.querySelectorAll(".actions");
  const button = Object.fromEntries([...figure.querySelectorAll("[data-do]")].map((node) => [node.dataset.do, node]));
  const fail = (error) => tell(main, error.message);

  function showDownload(beside) {
    button.download.href = `${beside ? picture.compare_url : picture.url}?download`;
  }

  button.beside.addEventListener("click", () => {
    const beside = button.beside.getAttribute("aria-pressed") !== "true";
    button.beside.setAttribute("aria-pressed", beside);
    compare.showBeside(beside);
    showDownload(beside);
  });
  button.share.addEventListener("click", () => share(new URL(asked.page_url, location.href).href, button.share));
  showDownload(false);

  if (!onAgain) {
    for (const name of ["vivid", "softer", "delete"]) button[name].remove();
    confirmation.remove();
    return;
  }

  for (const [name, step] of [["vivid", VIVIDNESS_STEP], ["softer", -VIVIDNESS_STEP]]) {
    const vividness = Math.round((asked.vividness + step) * 10) / 10;
    button[name].disabled = vividness > MOST_VIVID || vividness < SOFTEST;
    button[name].addEventListener("click", async () => {
      button[name].disabled = true;
      await Promise.resolve(onAgain(vividness)).catch(fail);
      button[name].disabled = false;
    });
  }

  button.delete.addEventListener("click", () => {
    main.hidden = true;
    confirmation.hidden = false;
    button.keep.focus();
  });
  button.keep.addEventListener("click", () => {
    confirmation.hidden = true;
    main.hidden = false;
    button.delete.focus();
  });
  button.really.addEventListener("click", async () => {
    button.really.disabled = true;
    try {
      await remove(asked.id);
      say(deleted);
      onDeleted();
    } catch (error) {
      button.really.disabled = false;
      fail(error);
    }
  });
}

async function share(url, button) {
  const byTouch = matchMedia("(pointer: coarse)").matches;
  if (byTouch && navigator.share) {
    await navigator.share({ url }).catch(() => {}); // turned down by the person: nothing to say
    return;
  }
  try {
    await navigator.clipboard.writeText(url);
  } catch {
    prompt("Copy this link:", url); // pages that aren't served over HTTPS may not write to the clipboard
    return;
  }
  const label = button.querySelector("[data-label]");
  const before = label.textContent;
  label.textContent = copied;
  say(copied);
  setTimeout(() => (label.textContent = before), 2000);
}

function tell(actions, text) {
  const told = actions.parentElement.querySelector(".told") ?? document.createElement("p");
  told.className = "told notice";
  told.textContent = text;
  actions.after(told);
  say(text);
}
