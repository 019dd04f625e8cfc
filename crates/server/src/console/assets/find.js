// The search box: jobs by name, and jobs and tasks by their id.

import { fill, h, link, empty } from "./dom.js";
import { call, id, isUuid, written } from "./api.js";
import { findTasks, taskAddress } from "./insight.js";

/** The address of the job or task with an id; null if there is none. */
async function whereIs(key, signal) {
  const filters = { idInterval: { startId: id(key), endId: id(key), endInclusive: true } };
  const [jobs, tasks] = await Promise.all([
    call("JobService/QueryJobs", { filters, page: { limit: 1 } }, { signal }),
    findTasks([key], signal),
  ]);
  if (jobs.jobs?.length) return `/workflows/jobs/${key}`;
  const task = tasks.get(key);
  return task ? taskAddress(task) : null;
}

/** The box. */
export function search(go) {
  const field = h("input", {
    type: "search",
    id: "search",
    placeholder: "Name or id",
    "aria-label": "Find jobs by name, jobs and tasks by id",
    "aria-keyshortcuts": "/",
    title: "A part of a job's name, or the id of a job or task. Key: /",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 100,
  });
  return h(
    "form",
    {
      role: "search",
      class: "search",
      onsubmit: (event) => {
        event.preventDefault();
        const text = field.value.trim();
        field.blur();
        if (isUuid(text)) {
          field.value = "";
          go(`/workflows/find/${written(text)}`);
        } else go(text ? `/workflows/jobs?name=${encodeURIComponent(text)}` : "/workflows/jobs");
      },
    },
    field,
    h("kbd", { "aria-hidden": "true" }, "/"),
  );
}

/** The page of an id: it leads to the job or task that has it. */
export async function show(context) {
  const key = written(context.id);
  fill(context.view, h("p", { class: "faint" }, "Looking …"));
  const address = await whereIs(key, context.signal);
  if (address) {
    context.go(address, { replace: true });
    return;
  }
  fill(
    context.view,
    empty(
      "Nothing has this id",
      `Neither a job nor a task of this server has the id ${key}.`,
      h("p", {}, link("/workflows/jobs", { class: "button" }, "To the jobs")),
    ),
  );
}
