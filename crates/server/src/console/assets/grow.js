// Lists that go on as one scrolls to their end.

import { failure, fill } from "./dom.js";
import { isAbort } from "./api.js";

/** How far below the window the end may be when more is read, in pixels. */
const AHEAD = 500;

/**
 * Calls `step` whenever the end of a list comes near, until `signal` says that the page is left. `step` reads a page and
 * answers whether more follow. If it fails, that is said at the end, with a button: nothing is read again by itself, so
 * that a server that refuses is not asked for ever. Answers how to read once, and how to go on after `step` was done by
 * other means.
 */
export function grow(end, step, signal) {
  let [reading, stopped] = [false, false];
  const read = async () => {
    if (reading || signal.aborted) return;
    reading = true;
    try {
      stopped = !(await step());
    } catch (error) {
      stopped = true;
      if (!isAbort(error)) fill(end, failure(error, read));
    } finally {
      reading = false;
    }
    // Observed anew it is told once in any case: a high window may show more than one page, and whoever scrolls to the end
    // before the next picture never leaves it for the observer.
    observer.unobserve(end);
    if (!stopped && !signal.aborted) observer.observe(end);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      if (!stopped && entries.some((entry) => entry.isIntersecting)) read();
    },
    { rootMargin: `${AHEAD}px` },
  );
  observer.observe(end);
  signal.addEventListener("abort", () => observer.disconnect());
  return {
    read,
    reading: () => reading,
    goOn: () => {
      stopped = false;
      observer.observe(end);
    },
  };
}
