// What costs the server more than a look is read so rarely that it is a small part of the server's time.

/** How many times longer than it took to be read something stays as it is. */
const SHARE = 150;

/**
 * Reads with `read`, at most once in `pause` milliseconds, and more seldom if that takes long. `refresh` reads again if it
 * is time, else once it is: what changes last is read too.
 */
export function seldom(pause, read) {
  let [last, took, timer] = [0, 0, null];
  const now = async () => {
    clearTimeout(timer);
    timer = null;
    last = Date.now();
    try {
      await read();
    } finally {
      took = Date.now() - last;
    }
  };
  const late = () => {
    timer = null;
    // A hidden page is refreshed when it is seen again; what fails is read with the next change.
    if (!document.hidden) now().catch(() => {});
  };
  return {
    now,
    refresh: async () => {
      const due = last + Math.max(pause, took * SHARE);
      if (Date.now() >= due) await now();
      else timer ??= setTimeout(late, due - Date.now());
    },
    end: () => clearTimeout(timer),
  };
}
