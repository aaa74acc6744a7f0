// Every sentence that the page says by itself. (Refusals come from the bot, as sentences already.)

export const kinds = {
  gray: "A black-and-white photo. Every colour in it is my guess.",
  tinted: "A toned photo, as sepia prints are. I recolored it from its brightness.",
  color: "This photo was already in colour. I recolored it from its brightness.",
};

export const touchPlaceholder = "Paste a link to a photo";
export const sending = "Sending…";
export const ready = "Your photo is ready.";
export const tryAgain = "Try again";
export const deleted = "Deleted.";
export const copied = "Link copied";
export const unreachable = "I can’t be reached right now. Your photo is still here, so please try again in a moment.";
export const tooLarge = "That photo is larger than I can take; please send a smaller copy.";
export const remove = "Delete";
export const noComparison = "The comparison can’t be shown just now, but here is the photo in colour.";

const steps = {
  fetching: "Fetching the photo…",
  waiting: "Getting ready…",
  recoloring: "Finding the colours…",
  answering: "Nearly there…",
};

/** What is going on with a request that isn't finished. */
export function progress({ state, position, progress }) {
  if (state === "queued") {
    if (position === 1) return "You’re next.";
    return position ? `You’re ${ordinal(position)} in line.` : "In line…";
  }
  const step = progress ? steps[progress.step] : steps.recoloring;
  return progress && progress.pictures > 1 ? `${step} (photo ${progress.picture} of ${progress.pictures})` : step;
}

/** What the person asked for beyond the photo, in their own bubble. */
export function wish(vividness) {
  if (vividness === 1) return "";
  return `${vividness > 1 ? "More vivid" : "Softer"}, please (${Math.round(vividness * 100)} %)`;
}

/** What to say to a message without a link. */
export function smallTalk(text, trigger) {
  if (/^\W*(thanks?|thank you|thx|danke|merci|gracias|great|wow|nice|lovely|beautiful)\b/i.test(text)) {
    return "My pleasure. Send me another one whenever you like.";
  }
  const hello = /^\W*(hi|hey|hello|hallo|good (morning|day|evening))\b/i.test(text) ? "Hello! " : "";
  return `${hello}Colouring photos is all I can do, but I love doing it. Drop a photo here, or send me a link to one, such as “${trigger} https://example.org/photo.jpg”.`;
}

function ordinal(number) {
  const ending = { one: "st", two: "nd", few: "rd", other: "th" };
  return number + ending[new Intl.PluralRules("en", { type: "ordinal" }).select(number)];
}
