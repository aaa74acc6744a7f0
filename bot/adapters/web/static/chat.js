import { setUpComposer } from "./composer.js";
import { recall } from "./conversation.js";
import { showBoth } from "./picture.js";
import { tellWhileWarmingUp } from "./warming.js";

setUpComposer();
tellWhileWarmingUp();
await recall();

const example = document.querySelector("#welcome .result");
if (!document.getElementById("welcome").hidden) {
  const compare = await showBoth(example, JSON.parse(example.dataset.picture));
  compare.sweep();
}
