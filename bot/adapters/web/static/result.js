// The page of one result.

import { setUpActions } from "./actions.js";
import { again } from "./api.js";
import { showBoth } from "./picture.js";
import { watch } from "./watch.js";

const { id, owned, state, vividness, layout } = document.querySelector("main").dataset;
const asked = { id, vividness: Number(vividness), page_url: `/r/${id}` };

for (const figure of document.querySelectorAll(".result")) {
  const picture = JSON.parse(figure.dataset.picture);
  const loading = showBoth(figure, { ...picture, halves: layout === "side_by_side" });
  setUpActions(figure, {
    asked,
    picture,
    compare: { showBeside: (beside) => loading.then((compare) => compare.showBeside(beside)) },
    onAgain: owned === undefined ? undefined : askAgain,
    onDeleted: () => location.assign("/mine"),
  });
  loading.then((compare) => compare.sweep());
}

if (state === "queued" || state === "working") {
  const look = ({ state: now }) => now === "answered" || now === "refused" ? location.reload() : undefined;
  watch(id, look, () => location.reload());
}

async function askAgain(vividness) {
  const { id: newId } = await again(id, vividness);
  location.assign(`/r/${newId}`);
}
