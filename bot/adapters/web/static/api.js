// The bot's API. Whatever goes wrong arrives as an `Unanswered`, whose message is one kind sentence.

import { tooLarge, unreachable } from "./words.js";

export class Unanswered extends Error {
  /** `mayPass` is whether the same may well be taken when it is sent again. */
  constructor(message, mayPass) {
    super(message);
    this.mayPass = mayPass;
  }
}

export async function list() {
  return (await ask("GET", "/api/requests")).requests;
}

export function sendLink(url, key) {
  return ask("POST", "/api/requests", { url }, key);
}

export function again(id, vividness) {
  return ask("POST", `/api/requests/${id}/again`, { vividness });
}

export function remove(id) {
  return ask("DELETE", `/api/requests/${id}`);
}

/** Post a photo; `onProgress` hears which share of it has been sent. (fetch() can't tell that, so XMLHttpRequest.) */
export function sendPhoto(file, key, onProgress) {
  return new Promise((resolve, reject) => {
    const post = new XMLHttpRequest();
    post.open("POST", "/api/requests");
    post.setRequestHeader("Idempotency-Key", key);
    post.responseType = "json";
    post.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    post.onload = () => (post.status < 400 ? resolve(post.response) : reject(problem(post.status, post.response)));
    post.onerror = () => reject(new Unanswered(unreachable, true));
    const form = new FormData();
    form.append("image", file, file.name);
    post.send(form);
  });
}

/** A key under which a post that may have got through can be sent once more without being taken twice. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function ask(method, address, document, key = newKey()) {
  const answer = await fetch(address, {
    method,
    headers: document && { "Content-Type": "application/json", "Idempotency-Key": key },
    body: document && JSON.stringify(document),
  }).catch(() => {
    throw new Unanswered(unreachable, true);
  });
  if (!answer.ok) throw problem(answer.status, await answer.json().catch(() => null));
  return answer.status === 204 ? null : answer.json();
}

function problem(status, document) {
  // A proxy that takes only so much says so in words of its own.
  return new Unanswered(document?.detail ?? (status === 413 ? tooLarge : unreachable), status >= 500 || status === 408 || status === 429);
}
