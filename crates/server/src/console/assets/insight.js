// What the server knows beyond the public API: who works, why what waits does wait, what failed, spans of all jobs.

import { call, id, isAbort, uuid } from "./api.js";

/** Tasks looked up in one call; the server takes as many. */
const FIND_MAX = 1000;

/** Asks; null where the server has no answer. */
async function ask(method, request, signal) {
  try {
    return await call(`InsightService/${method}`, request, { signal, package: "boxwood.v1" });
  } catch (error) {
    if (isAbort(error) || error.code === "unreachable") throw error;
    return null;
  }
}

/** What the queued tasks of a job wait for: reasons with how many tasks each, or null. */
export async function explainJob(job, signal) {
  const answer = await ask("ExplainJob", { jobId: id(job) }, signal);
  return answer && { waits: answer.waits ?? [], further: Number(answer.furtherTasks ?? 0) };
}

/** How it stands with a task: its job, its executions, its lease, why it waits; null if there is no such task. */
export function explainTask(task, signal) {
  return ask("ExplainTask", { taskId: id(task) }, signal);
}

/** The runners seen in the last minute, by cluster and by what they can execute; null where that is not known. */
export async function runners(signal) {
  const answer = await ask("ListRunners", {}, signal);
  return answer && (answer.runners ?? []);
}

/** The tasks of a job that failed: for good, and where the job goes on. */
export async function failedTasks(job, limit, signal) {
  const answer = await ask("ListFailedTasks", { jobId: id(job), limit }, signal);
  return { failed: answer?.failed ?? [], optional: answer?.optional ?? [] };
}

/** Where tasks are: a map from their ids to what is known of them; unknown ones are left out. */
export async function findTasks(tasks, signal) {
  const ids = [...new Set(tasks)].slice(0, FIND_MAX).map(id);
  const answer = ids.length ? await ask("FindTasks", { taskIds: ids }, signal) : null;
  return new Map((answer?.tasks ?? []).map((task) => [uuid(task.taskId), task]));
}

/** The address of a task that was found. */
export function taskAddress(found, view) {
  const query = new URLSearchParams({ task: uuid(found.taskId) });
  if (view) query.set("view", view);
  return `/workflows/jobs/${uuid(found.jobId)}?${query}`;
}

/** Spans of all jobs; unlike the others it fails with what the server says. */
export function querySpans(request, signal) {
  return call("InsightService/QuerySpans", request, { signal, package: "boxwood.v1" });
}
