// What failed, and why, at the top of a job's page: also of a job with a million tasks.

import { h, link } from "./dom.js";
import { call, id, uuid } from "./api.js";
import { count, counted, visible } from "./format.js";
import { counts, icon } from "./states.js";
import { failedTasks } from "./insight.js";

/** Failed tasks of each sort that are named. */
const NAMED_MAX = 5;
/** Characters of what a task said that are shown; the panel of the task has all. */
const TEXT_MAX = 600;

/** Reads which tasks failed and what they said last, if their number is another one than in `before`. */
export async function readFailures(job, key, before, signal) {
  const numbers = counts(job);
  const [failed, optional] = [numbers.get("FAILED") ?? 0, numbers.get("FAILED_OPTIONAL") ?? 0];
  // What failed stays as it is until a retry.
  if (before && before.failed === failed && before.optional === optional) return before;
  const found = failed + optional > 0 ? await failedTasks(key, NAMED_MAX, signal) : { failed: [], optional: [] };
  const say = (tasks) => Promise.all(tasks.map(async (task) => ({ task, text: await reason(key, task, signal) })));
  return { failed, optional, tasks: await say(found.failed), optionalTasks: await say(found.optional) };
}

/** Why a task failed: what its display says below the first line, else its last error in the logs. */
async function reason(key, task, signal) {
  const [, ...lines] = (task.display ?? "").split("\n");
  if (lines.length) return lines.join("\n");
  const request = {
    jobId: id(key),
    taskId: task.id,
    page: { limit: 1 },
    sortDirection: "SORT_DIRECTION_DESCENDING",
    filters: { severityLevels: ["LOG_SEVERITY_GROUP_ERROR"] },
  };
  const logs = await call("TelemetryQueryService/QueryJobLogs", request, { signal }).catch(() => ({}));
  const record = logs.resourceLogs?.[0]?.scopeLogs?.[0]?.logRecords?.[0];
  const attribute = (name) => record?.attributes?.find((each) => each.key === name)?.value?.stringValue;
  const said = [attribute("exception.type"), attribute("exception.message")].filter(Boolean).join(": ");
  return said || record?.body?.stringValue || "";
}

/** The notes; `retry` is a button that lets the job go on, where that can be. */
export function failureNotes(found, open, retry) {
  if (!found) return null;
  return [
    found.failed > 0 &&
      note("failures", "Failed tasks", "FAILED", found.failed, found.tasks, open, [
        h("h2", {}, `${counted(found.failed, "task")} failed`),
        h("span", { class: "grow" }),
        retry,
      ]),
    found.optional > 0 &&
      note("failures optional", "Optional failures", "FAILED_OPTIONAL", found.optional, found.optionalTasks, open, [
        h("h2", {}, `${counted(found.optional, "optional task")} failed, the job goes on without`),
      ]),
  ];
}

function note(kind, name, state, number, tasks, open, head) {
  return h(
    "section",
    { class: kind, "aria-label": name },
    h("div", { class: "head" }, head),
    h(
      "ul",
      { class: "failure-list" },
      tasks.map(({ task, text }) => h("li", {}, row(state, task, text, open))),
    ),
    number > tasks.length &&
      h(
        "p",
        { class: "faint" },
        `${count(number - tasks.length)} more. `,
        link("?view=logs&level=error", {}, "The errors in the logs"),
        " have them all.",
      ),
  );
}

function row(state, task, text, open) {
  const retries = Number(task.retryCount ?? 0);
  const [name] = (task.display ?? "").split("\n");
  return h(
    "button",
    { type: "button", class: "failure-row", onclick: () => open(uuid(task.id)) },
    icon(state),
    h("b", { class: "failure-name" }, visible(name || "(no name)")),
    h("span", { class: "faint" }, retries > 1 ? `failed ${count(retries)} times` : ""),
    text && h("code", { class: "failure-text" }, visible(text.slice(0, TEXT_MAX)), text.length > TEXT_MAX && " …"),
  );
}
