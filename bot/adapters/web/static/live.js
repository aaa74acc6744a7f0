// Telling screen readers what happens elsewhere on the page.

const region = document.getElementById("live");

export function say(text) {
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}
