// The slider between before and after: by mouse, finger, pen or keys.

const STEPS = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
const SWEEP_MILLISECONDS = 1400;

export function setUpCompare(box) {
  const grip = box.querySelector(".grip");
  let split = 50;
  let sweeping = 0;

  /** Show the original up to `percent` of the width, and colour from there on. */
  function moveTo(percent) {
    split = Math.min(100, Math.max(0, percent));
    box.style.setProperty("--split", `${split}%`);
    box.classList.toggle("hide-before", split < 16);
    box.classList.toggle("hide-after", split > 84);
    const before = Math.round(split);
    grip.setAttribute("aria-valuenow", before);
    grip.setAttribute("aria-valuetext", `${before} % before, ${100 - before} % after`);
  }

  function moveByHand(percent) {
    cancelAnimationFrame(sweeping);
    moveTo(percent);
  }

  function follow(event) {
    const { left, width } = box.getBoundingClientRect();
    moveByHand(((event.clientX - left) / width) * 100);
  }

  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !isSlidable()) return;
    box.setPointerCapture(event.pointerId);
    grip.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
    follow(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) follow(event);
  });
  grip.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    moveByHand(split + STEPS[event.key] * (event.shiftKey ? 5 : 1));
  });

  function isSlidable() {
    return box.classList.contains("ready") && !box.classList.contains("beside");
  }

  return {
    ready() {
      box.classList.add("ready");
    },
    /** Let the colours come in from the right. */
    sweep() {
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
      let began = null;
      moveTo(100);
      sweeping = requestAnimationFrame(function frame(now) {
        began ??= now;
        const time = Math.min(1, (now - began) / SWEEP_MILLISECONDS);
        moveTo(100 - 50 * (1 - (1 - time) ** 3));
        if (time < 1) sweeping = requestAnimationFrame(frame);
      });
    },
    showBeside(beside) {
      box.classList.toggle("beside", beside);
    },
  };
}
