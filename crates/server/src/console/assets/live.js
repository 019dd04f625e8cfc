// Hears of committed changes, and has the page read again only what changed, at most once a second.

const THROTTLE_MS = 1000;
const POLL_MS = 5000;
const RETRY_MS = 60000;
/** A stream that is interrupted for less is not spoken of: a server that is started anew is back by then. */
const LOST_MS = 1500;

/** Until when a server that refused to tell events is not asked again. */
let refusedUntil = 0;

/** Says that the server cannot be heard, unless it is heard again soon. */
const lost = {
  timer: null,
  say() {
    this.timer ??= setTimeout(() => document.dispatchEvent(new CustomEvent("unreachable")), LOST_MS);
  },
  over() {
    clearTimeout(this.timer);
    this.timer = null;
  },
};

/**
 * Calls `changed(jobs)` when jobs changed: with the set of their ids, or with null if that is not known. One job is
 * watched if `job` is given, all of them otherwise. Where the server tells no events the page looks every five
 * seconds. Hidden pages wait until they are seen. Answers how to end it.
 */
export function watch(job, changed) {
  let ended = false;
  let source = null;
  let poll = null;
  let timer = null;
  let again = null;
  let busy = false;
  let pending = new Set();
  let everything = false;

  const run = async () => {
    timer = null;
    if (ended || document.hidden || busy) return;
    if (!everything && pending.size === 0) return;
    const jobs = everything ? null : pending;
    pending = new Set();
    everything = false;
    busy = true;
    try {
      await changed(jobs);
    } finally {
      busy = false;
      schedule();
    }
  };
  const schedule = () => {
    if (!ended && timer === null && !busy && (everything || pending.size > 0)) timer = setTimeout(run, THROTTLE_MS);
  };
  const note = (id) => {
    if (id) pending.add(id);
    else everything = true;
    schedule();
  };
  const startPolling = () => {
    poll ??= setInterval(() => {
      if (!document.hidden) note(null);
    }, POLL_MS);
  };
  const listen = () => {
    if (ended) return;
    if (Date.now() < refusedUntil) {
      startPolling();
      again = setTimeout(listen, RETRY_MS);
      return;
    }
    source = new EventSource(job ? `/events/jobs/${job}` : "/events/jobs");
    source.onopen = () => {
      lost.over();
      clearInterval(poll);
      poll = null;
      // What was committed before is not told (EV-3).
      note(null);
    };
    source.addEventListener("changed", (event) => note(JSON.parse(event.data).job));
    source.addEventListener("many", () => note(null));
    source.onerror = () => {
      startPolling();
      // An interrupted stream is opened again by the browser, a refused one is not.
      if (source.readyState !== EventSource.CLOSED) {
        lost.say();
        return;
      }
      lost.over();
      refusedUntil = Date.now() + RETRY_MS;
      again = setTimeout(listen, RETRY_MS + 1);
    };
  };
  const seen = () => {
    if (!document.hidden) note(null);
  };
  document.addEventListener("visibilitychange", seen);
  listen();
  return () => {
    ended = true;
    lost.over();
    source?.close();
    clearInterval(poll);
    clearTimeout(timer);
    clearTimeout(again);
    document.removeEventListener("visibilitychange", seen);
  };
}
