// Saying so while the worker is not ready yet.

const notice = document.getElementById("warming");
const PAUSE_MILLISECONDS = 1500;

export async function tellWhileWarmingUp() {
  const health = await fetch("/healthz").then((answer) => answer.json(), () => null);
  const ready = health?.worker === "ready";
  notice.hidden = ready || health === null;
  if (!ready) setTimeout(tellWhileWarmingUp, PAUSE_MILLISECONDS);
}
