// The conversation: which exchanges there are, and what happens in them.

import * as api from "./api.js";
import { Exchange } from "./exchange.js";
import { say } from "./live.js";
import { unwatch, watch } from "./watch.js";
import * as words from "./words.js";

const list = document.getElementById("conversation");
const welcome = document.getElementById("welcome");
const messageField = document.getElementById("text");
const maxBytes = Number(document.querySelector("main").dataset.maxBytes);
let sending = 0;

// What hasn't been sent goes with the page.
addEventListener("beforeunload", (event) => {
  if (sending) event.preventDefault();
});

/** Show what was asked before, on this or another day, above what is asked while that is being read. */
export async function recall() {
  let requests;
  try {
    requests = await api.list();
  } catch (error) {
    if (!(error instanceof api.Unanswered)) throw error;
    begin().tellUntaken(error.message, () => location.reload());
    return;
  }
  const meanwhile = list.firstElementChild;
  for (const asked of requests.reverse()) {
    if (shown(asked.id)) continue;
    const exchange = begin(meanwhile);
    for (const image of asked.images) {
      if (image.link) exchange.addWords(image.link);
      else exchange.addPhoto(image.url);
    }
    if (asked.vividness !== 1) exchange.addWords(words.wish(asked.vividness));
    show(exchange, asked);
  }
  showWelcome();
  if (list.lastElementChild) keepInView(list.lastElementChild, "instant");
}

/** Send photos, each as a request of its own, so that each can be kept, shared or deleted by itself. */
export async function sendPhotos(files) {
  const waiting = files.map((file) => {
    const exchange = begin();
    exchange.tell(words.sending, { going: true });
    exchange.addPhoto(file, file.name);
    return { exchange, send: () => sendPhoto(exchange, file, api.newKey()) };
  });
  keepInView(waiting[0].exchange.element);
  for (const { send } of waiting) await send(); // one by one: the first is answered while others are on their way
}

export async function sendLink(text, url) {
  const exchange = begin();
  exchange.addWords(text);
  keepInView(exchange.element);
  const key = api.newKey();
  await take(exchange, () => api.sendLink(url, key));
}

/** Answer a message that holds no link. Nothing of it leaves the page. */
export function talk(text, answer) {
  const exchange = begin();
  exchange.addWords(text);
  exchange.tell(answer);
  say(answer);
  keepInView(exchange.element);
}

async function sendPhoto(exchange, file, key) {
  if (file.size > maxBytes) return exchange.tellUntaken(words.tooLarge);
  return take(exchange, () => api.sendPhoto(file, key, (share) => exchange.showSending(share < 1 ? share : null)));
}

async function take(exchange, send) {
  exchange.tell(words.sending, { going: true });
  sending += 1;
  try {
    const { id } = await send();
    shown(id)?.remove(); // what was asked before may have been read with this among it, before its answer was
    show(exchange, justQueued(id));
  } catch (error) {
    if (!(error instanceof api.Unanswered)) throw error;
    exchange.tellUntaken(error.message, error.mayPass && (() => take(exchange, send)));
  } finally {
    sending -= 1;
  }
}

async function askAgain(photo, id, vividness) {
  const taken = await api.again(id, vividness);
  const exchange = begin();
  exchange.tell(words.progress({ state: "queued" }), { going: true });
  if (photo) exchange.addPhoto(photo);
  exchange.addWords(words.wish(vividness));
  show(exchange, justQueued(taken.id));
  keepInView(exchange.element);
}

function justQueued(id) {
  return { id, state: "queued", position: null };
}

function show(exchange, status) {
  const { id } = status;
  const photo = exchange.element.querySelector(".asked-photos img")?.src;
  const forget = () => {
    unwatch(id);
    drop(exchange);
  };
  const then = { onAgain: (vividness) => askAgain(photo, id, vividness), onDeleted: forget };
  exchange.element.dataset.id = id;
  exchange.showStatus(status, { fresh: false, ...then });
  if (status.state === "queued" || status.state === "working") {
    watch(id, (now) => exchange.showStatus(now, { fresh: true, ...then }), forget);
  }
}

function shown(id) {
  return list.querySelector(`[data-id="${CSS.escape(id)}"]`);
}

function begin(above = null) {
  const exchange = new Exchange();
  list.insertBefore(exchange.element, above);
  showWelcome();
  return exchange;
}

function drop(exchange) {
  const next = exchange.element.nextElementSibling ?? exchange.element.previousElementSibling;
  exchange.remove();
  showWelcome();
  (next?.querySelector(".grip") ?? messageField).focus({ preventScroll: true });
}

function showWelcome() {
  welcome.hidden = list.childElementCount > 0;
}

// While photos load, the list grows. What was asked last stays in view, until people look elsewhere by themselves.

let inView = null;

new ResizeObserver(() => inView?.scrollIntoView({ behavior: "instant" })).observe(list);
for (const event of ["wheel", "touchmove", "keydown", "pointerdown"]) {
  addEventListener(event, () => (inView = null), { passive: true });
}

function keepInView(element, behavior = "smooth") {
  inView = element;
  const still = behavior === "instant" || matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: still ? "instant" : "smooth" });
}
