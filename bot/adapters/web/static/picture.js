// Putting a recolored photo and its original into a comparison.

import { setUpCompare } from "./compare.js";
import { kinds, noComparison } from "./words.js";

// Above this, half of the side-by-side picture (at most 2048 pixels wide) is shown: phones choke on scans of 50 MB.
const LARGEST_SHOWN_PIXELS = 4e6;
const SMALLEST_SIDE = 900;

/** Give the sizer the photo's shape, so that nothing moves once the photo is there. */
export function shape(sizer, width, height) {
  const scale = Math.max(1, SMALLEST_SIDE / Math.max(width, height));
  sizer.setAttribute("viewBox", `0 0 ${width} ${height}`);
  sizer.setAttribute("width", Math.round(width * scale));
  sizer.setAttribute("height", Math.round(height * scale));
}

/** Show the recolored photo alone. */
export function showAfter(img, picture) {
  if (isHalf(picture)) img.classList.add("right-half");
  return load(img, isHalf(picture) ? picture.compare_url : picture.url);
}

/** Show both in a figure made of the result template; return its comparison once both can be seen. */
export async function showBoth(figure, picture) {
  const [after, before] = figure.querySelectorAll("img");
  shape(figure.querySelector(".sizer"), picture.width, picture.height);
  const compare = setUpCompare(figure.querySelector(".compare"));
  const kind = figure.querySelector(".kind");
  if (kind) kind.textContent = kinds[picture.input];
  try {
    await Promise.all([showAfter(after, picture), showBefore(before, picture)]);
    compare.ready();
  } catch {
    kind?.append(` ${noComparison}`);
    after.classList.remove("right-half");
    await load(after, picture.url).catch(() => {});
  }
  return compare;
}

function showBefore(img, picture) {
  // There is no animated side-by-side picture, so an animation is compared with itself without its colours.
  if (isAnimation(picture)) {
    img.classList.add("without-colour");
    return load(img, picture.url);
  }
  img.classList.add("left-half");
  return load(img, picture.compare_url);
}

function isHalf(picture) {
  return !isAnimation(picture) && (picture.halves || picture.width * picture.height > LARGEST_SHOWN_PIXELS);
}

function isAnimation(picture) {
  return picture.media_type === "image/gif";
}

/** Show a picture once all of it is there. */
async function load(img, url) {
  img.src = url;
  await img.decode();
  img.classList.add("shown");
}
