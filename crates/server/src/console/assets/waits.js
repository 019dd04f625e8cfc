// Why something waits, and for whom, as a note.

import { h } from "./dom.js";
import { count, visible } from "./format.js";
import { clusterSentence } from "./names.js";

/** Reasons that pass by themselves. */
const CALM = new Set(["WAIT_REASON_DEPENDENCIES", "WAIT_REASON_NEXT_IN_LINE"]);

function waiting(tasks) {
  return Number(tasks) === 1 ? "1 task waits" : `${count(tasks)} tasks wait`;
}

/**
 * The reasons, as a note. What passes by itself while tasks run is one line; `memory` keeps whether somebody opened it.
 */
export function waitNote({ waits, further }, working, memory) {
  if (waits.length === 0) return null;
  const [calm, urgent] = [waits.filter((wait) => CALM.has(wait.reason)), waits.filter((wait) => !CALM.has(wait.reason))];
  const fold = working && calm.length > 1;
  const more = further > 0 && h("p", { class: "faint" }, `${waiting(further)} for other tasks too.`);
  return h(
    "section",
    { class: urgent.length ? "note waits" : "note calm waits", "aria-label": "What waits, and for whom" },
    urgent.map(line),
    fold ? folded(calm, further, memory, more) : [calm.map(line), more],
  );
}

function line(wait) {
  return h("p", {}, h("b", {}, waiting(wait.tasks)), ": ", clusterSentence(visible(wait.text ?? "")));
}

/** What waits in the order of things, in one line that opens. */
function folded(calm, further, memory, more) {
  const tasks = (reason) =>
    calm.filter((wait) => wait.reason === reason).reduce((sum, wait) => sum + Number(wait.tasks ?? 0), 0);
  const behind = tasks("WAIT_REASON_DEPENDENCIES") + further;
  const next = tasks("WAIT_REASON_NEXT_IN_LINE");
  const parts = [behind > 0 && `${waiting(behind)} for other tasks`, next > 0 && `${count(next)} next in line`];
  return h(
    "details",
    { open: memory.waitsOpen, ontoggle: (event) => (memory.waitsOpen = event.target.open) },
    h("summary", {}, parts.filter(Boolean).join(", ")),
    calm.map(line),
    more,
  );
}
