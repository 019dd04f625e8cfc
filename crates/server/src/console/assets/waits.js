// Why something waits, and for whom, as a note.

import { h } from "./dom.js";
import { count, counted, visible } from "./format.js";

/** Reasons that pass by themselves. */
const CALM = new Set(["WAIT_REASON_DEPENDENCIES", "WAIT_REASON_NEXT_IN_LINE"]);

function waiting(tasks) {
  return Number(tasks) === 1 ? "1 task waits" : `${count(tasks)} tasks wait`;
}

/** The reasons, as a note. */
export function waitNote({ waits, further }) {
  if (waits.length === 0) return null;
  const calm = waits.every((wait) => CALM.has(wait.reason));
  return h(
    "section",
    { class: calm ? "note calm waits" : "note waits", "aria-label": "What waits, and for whom" },
    waits.map((wait) => h("p", {}, h("b", {}, waiting(wait.tasks)), ": ", visible(wait.text ?? ""))),
    further > 0 && h("p", { class: "faint" }, `${counted(further, "further task")} wait for other tasks.`),
  );
}
