// A job as a line of the list.

import { h } from "./dom.js";
import { uuid } from "./api.js";
import { count, counted, instant, milliseconds, span, time, visible } from "./format.js";
import { counts, icon, jobState, progressBar, stateBar } from "./states.js";

/** Progress bars beside a name, which must not lose its place. */
const BARS_MAX = 2;

/** How long a job took, or has taken so far. */
export function elapsed(job) {
  const stats = job.executionStats ?? {};
  const start = instant(stats.firstTaskStartedAt);
  if (Number.isNaN(start)) return Number.NaN;
  return ["RUNNING", "STARTED"].includes(jobState(job))
    ? Math.max(Date.now() - start, 0)
    : milliseconds(stats.elapsedTime);
}

/** The line: a link to the page of the job. */
export function jobRow(job) {
  const key = uuid(job.id);
  const state = jobState(job);
  const stats = job.executionStats ?? {};
  const total = Number(stats.totalTasks ?? 0);
  const progress = job.progress ?? [];
  return h(
    "a",
    { class: "job-row", href: `/workflows/jobs/${key}`, "data-row": true, "data-job": key },
    icon(state),
    h(
      "span",
      { class: "job-name", title: `${visible(job.name)}\n${key}` },
      h("span", { class: "clip" }, visible(job.name)),
      progress.length > 0 &&
        h(
          "span",
          { class: "job-progress" },
          progress.slice(0, BARS_MAX).map((entry) => progressBar(entry, true)),
          progress.length > BARS_MAX && h("span", { class: "faint" }, `+${count(progress.length - BARS_MAX)}`),
        ),
    ),
    h(
      "span",
      { class: "job-tasks" },
      stateBar(counts(job), total),
      h("span", { class: "number" }, counted(total, "task")),
    ),
    h("span", { class: "number wide", title: "elapsed time" }, span(elapsed(job))),
    h(
      "span",
      { class: "number wide", title: "compute time" },
      stats.computeTime ? span(milliseconds(stats.computeTime)) : "–",
    ),
    h("span", { class: "job-when" }, time(instant(job.submittedAt))),
  );
}
