// Hears of committed changes, and has the page read again only what changed, at most once a second.

const THROTTLE_MS = 1000;
const POLL_MS = 5000;
const RETRY_MS = 15000;

/** Whether this server turned out to tell no events; then it is not asked on every page. */
let silent = false;

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
    if (silent) {
      startPolling();
      return;
    }
    source = new EventSource(job ? `/events/jobs/${job}` : "/events/jobs");
    let opened = false;
    source.onopen = () => {
      if (poll !== null) clearInterval(poll);
      poll = null;
      // What happened while nobody listened.
      if (opened) note(null);
      opened = true;
    };
    const told = (event) => {
      let id = null;
      try {
        id = JSON.parse(event.data).job ?? null;
      } catch {
        /* Then anything may have changed. */
      }
      note(id);
    };
    source.addEventListener("message", told);
    source.addEventListener("job", told);
    source.onerror = () => {
      startPolling();
      if (source.readyState !== EventSource.CLOSED) return;
      // Refused: a server without events, or one that is just starting again.
      if (opened) setTimeout(listen, RETRY_MS);
      else silent = true;
    };
  };
  const seen = () => {
    if (!document.hidden) note(null);
  };
  document.addEventListener("visibilitychange", seen);
  listen();
  return () => {
    ended = true;
    source?.close();
    clearInterval(poll);
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}
