// Why something waits, and for whom: answered by a service beside the public API. A server without it says nothing.

import { h } from "./dom.js";
import { call, id, isAbort } from "./api.js";
import { ago, count, counted, instant, visible } from "./format.js";

/** Asks; null where the server has no answer. */
async function ask(method, request, signal) {
  try {
    return await call(`InsightService/${method}`, request, { signal, package: "boxwood.v1" });
  } catch (error) {
    if (isAbort(error)) throw error;
    return null;
  }
}

/** What the queued tasks of a job wait for: reasons with how many tasks each, or null. */
export async function explainJob(job, signal) {
  const answer = await ask("ExplainJob", { jobId: id(job) }, signal);
  return answer && { waits: answer.waits ?? [], further: Number(answer.furtherTasks ?? 0) };
}

/** Why a queued task waits, in a sentence; null if that is not known. */
export async function explainTask(task, signal) {
  const answer = await ask("ExplainTask", { taskId: id(task) }, signal);
  return answer?.wait?.text ?? null;
}

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

/** The runners seen in the last minute, by cluster and by what they can execute; null where that is not known. */
export async function runners(signal) {
  const answer = await ask("ListRunners", {}, signal);
  return answer && (answer.runners ?? []);
}

/** One group of runners. */
export function runnerRow(group) {
  const names = (group.identifiers ?? []).map((each) => `${each.name} ${each.version}`);
  return h(
    "div",
    { class: "runner-row" },
    h("span", { class: "clip", title: visible(names.join("\n")) }, visible(names.join(", "))),
    h("span", { class: "number" }, `${count(group.idle)} idle`),
    h("span", { class: "number" }, `${count(group.busy)} busy`),
    h("span", { class: "number faint" }, `asked ${ago(instant(group.lastAskedAt))}`),
  );
}
