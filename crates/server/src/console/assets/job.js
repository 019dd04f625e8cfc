// The page of one job: what it is, how far it is, what failed; and its views.

import { add, button, confirm, fill, h, link, toast } from "./dom.js";
import { call, id, isAbort, readJob, uuid } from "./api.js";
import { count, counted, instant, milliseconds, span, time, visible } from "./format.js";
import { badge, counts, icon, isOpen, jobState, progressBar, stateBar, taskState, words } from "./states.js";
import { elapsed } from "./jobs.js";
import { watch } from "./live.js";
import { diagram } from "./diagram.js";
import { execution } from "./execution.js";
import { jobLogs } from "./logs.js";
import { explainJob, waitNote } from "./waits.js";
import { panel } from "./task.js";
import { tree } from "./tree.js";

const TABS = [
  ["tasks", "Tasks", tree],
  ["logs", "Logs", jobLogs],
  ["execution", "Execution", execution],
  ["diagram", "Diagram", diagram],
];
/** Failed tasks named at the top of the page. */
const FAILURES_MAX = 5;
/** How long after the last task its logs and spans may still arrive. */
const TELEMETRY_LATE_MS = 30_000;

/** Shows the page. */
export async function show(context) {
  const { view, query, signal } = context;
  const key =
    context.id.length === 32 ? context.id.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5") : context.id;
  const page = { ...context, key, job: await readJob(key, { signal }), failures: [], waits: null };
  const top = h("div", { class: "job-top" });
  const body = h("div", { class: "tab-body", role: "tabpanel", id: "tab-body" });
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Views of the job" });
  const drawer = h("aside", { class: "drawer", hidden: true, "aria-label": "Task" });
  fill(view, top, tabs, h("div", { class: "with-drawer" }, body, drawer));

  let part = null;
  let task = null;
  page.openTask = (taskKey, parent, summary) => {
    query.set("task", taskKey);
    if (parent) query.set("parent", parent);
    else query.delete("parent");
    context.setQuery(query);
    task = panel(page, drawer, taskKey, parent, summary);
  };
  page.closeTask = () => {
    if (drawer.hidden) return;
    query.delete("task");
    query.delete("parent");
    context.setQuery(query);
    drawer.hidden = true;
    task = null;
  };
  const open = async (name) => {
    const [tab, , make] = TABS.find(([each]) => each === name) ?? TABS[0];
    query.set("view", tab);
    if (tab === "tasks") query.delete("view");
    context.setQuery(query);
    for (const each of tabs.children) each.setAttribute("aria-selected", String(each.dataset.tab === tab));
    part?.end?.();
    fill(body);
    part = make(page, body);
  };
  page.openTab = open;
  add(
    tabs,
    TABS.map(([tab, name]) =>
      button(name, () => open(tab), { role: "tab", "data-tab": tab, "aria-controls": "tab-body" }),
    ),
  );

  const draw = () => {
    document.title = `${page.job.name} · ${words(jobState(page.job))} · Boxwood`;
    fill(top, header(page), facts(page), failures(page));
  };
  page.refresh = async () => {
    try {
      page.job = await readJob(key, { signal });
      await Promise.all([readFailures(page), readWaits(page)]);
      draw();
      await part?.refresh?.();
      await task?.refresh?.();
    } catch (error) {
      if (!isAbort(error)) document.title = `? ${page.job.name} · Boxwood`;
    }
  };
  draw();
  await open(query.get("view"));
  if (query.get("task")) page.openTask(query.get("task"), query.get("parent"));
  const escape = () => page.closeTask();
  document.addEventListener("escape", escape);
  const clock = setInterval(() => {
    const place = top.querySelector("[data-elapsed]");
    if (place && !document.hidden) place.textContent = span(elapsed(page.job));
  }, 1000);
  context.onLeave(() => {
    document.removeEventListener("escape", escape);
    clearInterval(clock);
    part?.end?.();
  });
  // Logs and spans come later than the changes of tasks, and are not told of.
  const late = setInterval(() => {
    const stopped = instant(page.job.executionStats?.lastTaskStoppedAt);
    const recent = isOpen(page.job) || Date.now() - stopped < TELEMETRY_LATE_MS;
    if (document.hidden) return;
    // Runners come and go without a change of the job.
    if (["SUBMITTED", "STARTED"].includes(jobState(page.job))) {
      readWaits(page)
        .then(draw)
        .catch(() => {});
    }
    if (recent && ["logs", "execution"].includes(query.get("view"))) {
      part?.refresh?.().catch(() => {});
    }
  }, 5000);
  context.onLeave(() => clearInterval(late));
  context.onLeave(watch(key, page.refresh));
  Promise.all([readFailures(page), readWaits(page)])
    .then(draw)
    .catch(() => {});
  readFailures(page)
    .then(draw)
    .catch(() => {});
}

/** Reads what the queued tasks wait for, if the server tells. */
async function readWaits(page) {
  const queued = counts(page.job).get("QUEUED") ?? 0;
  page.waits = queued > 0 ? await explainJob(page.key, page.signal) : null;
}

/** Reads which tasks failed, and what they said last. */
async function readFailures(page) {
  const failed = counts(page.job).get("FAILED") ?? 0;
  // What failed stays as it is until a retry.
  if (failed === page.failed) return;
  page.failed = failed;
  if (failed === 0) {
    page.failures = [];
    return;
  }
  const job = await call("JobService/GetJob", { jobId: id(page.key) }, { signal: page.signal });
  const tasks = (job.taskSummaries ?? []).filter((task) => taskState(task) === "FAILED").slice(0, FAILURES_MAX);
  page.failures = await Promise.all(
    tasks.map(async (task) => {
      const request = {
        jobId: id(page.key),
        taskId: task.id,
        page: { limit: 1 },
        sortDirection: "SORT_DIRECTION_DESCENDING",
        filters: { severityLevels: ["LOG_SEVERITY_GROUP_ERROR"] },
      };
      const logs = await call("TelemetryQueryService/QueryJobLogs", request, { signal: page.signal }).catch(() => ({}));
      const record = logs.resourceLogs?.[0]?.scopeLogs?.[0]?.logRecords?.[0];
      const attribute = (name) => record?.attributes?.find((each) => each.key === name)?.value?.stringValue;
      const [, ...lines] = (task.display ?? "").split("\n");
      const said = [attribute("exception.type"), attribute("exception.message")].filter(Boolean).join(": ");
      return { task, text: lines.join(" ") || said || record?.body?.stringValue || "" };
    }),
  );
}

function header(page) {
  const { job, key } = page;
  const state = jobState(job);
  const act = (label, run, properties) =>
    button(
      label,
      async (event) => {
        event.target.disabled = true;
        try {
          await run();
          await page.refresh();
        } catch (error) {
          toast(`${error.title ?? "That did not work"}: ${error.message}`, "bad");
        } finally {
          event.target.disabled = false;
        }
      },
      properties,
    );
  const retry = async () => {
    const answer = await call("JobService/RetryJob", { jobId: id(key) });
    const again = Number(answer.numTasksRescheduled ?? 0);
    toast(again ? `${counted(again, "task")} will run again` : "The job goes on; no task had failed", "good");
  };
  const cancel = async () => {
    if (
      !(await confirm(
        "Cancel this job?",
        "No further task is handed out. Tasks that run now run to their end. A retry lets the job go on.",
        "Cancel the job",
        "danger",
      ))
    )
      return;
    await call("JobService/CancelJob", { jobId: id(key) });
    toast("The job is canceled", "good");
  };
  return h(
    "div",
    {},
    h(
      "nav",
      { class: "crumbs", "aria-label": "Where" },
      link("/workflows/jobs", {}, "Jobs"),
      " / ",
      h("code", {}, key),
      button("Copy id", () => navigator.clipboard?.writeText(key).then(() => toast("Copied", "good")), {
        class: "quiet small",
      }),
    ),
    h(
      "div",
      { class: "head" },
      h("h1", { class: "clip", title: job.name }, job.name),
      badge(state),
      h("span", { class: "grow" }),
      ["FAILED", "CANCELED"].includes(state) && act("Retry", retry, { class: "primary" }),
      ["SUBMITTED", "RUNNING", "STARTED"].includes(state) && act("Cancel", cancel, { class: "danger" }),
      link(`/workflows/jobs/${key}/clone`, { class: "button" }, "Clone"),
    ),
  );
}

function facts(page) {
  const { job } = page;
  const stats = job.executionStats ?? {};
  const by = counts(job);
  const total = Number(stats.totalTasks ?? 0);
  const fact = (name, value, more) => h("div", { class: "fact", ...more }, h("dt", {}, name), h("dd", {}, value));
  const state = jobState(job);
  const waits = {
    SUBMITTED: "Nothing has run yet. Tasks wait for a runner that knows them, on their cluster: is one running?",
    STARTED: "No task runs at the moment: what is left waits for a runner, or for other tasks.",
  }[state];
  return h(
    "div",
    {},
    h(
      "dl",
      { class: "facts" },
      fact("Submitted", time(instant(job.submittedAt))),
      fact("Started", time(instant(stats.firstTaskStartedAt))),
      fact("Elapsed", h("span", { "data-elapsed": true }, span(elapsed(job)))),
      fact("Compute time", stats.computeTime ? span(milliseconds(stats.computeTime)) : "–", {
        title: "the time all tasks ran, added up",
      }),
      fact("Parallelism", stats.parallelism ? `${stats.parallelism.toFixed(2)}×` : "–", {
        title: "compute time divided by elapsed time",
      }),
      fact("Tasks", count(total)),
    ),
    page.waits ? waitNote(page.waits) : waits && h("p", { class: "note" }, waits),
    h(
      "div",
      { class: "card" },
      stateBar(by, total),
      h(
        "div",
        { class: "legend" },
        [...by].map(([each, number]) =>
          h("span", { class: "legend-entry" }, icon(each), h("b", {}, count(number)), ` ${words(each)}`),
        ),
      ),
      (job.progress ?? []).length > 0 &&
        h(
          "div",
          { class: "progresses" },
          job.progress.map((entry) => progressBar(entry)),
        ),
    ),
  );
}

function failures(page) {
  if (page.failures.length === 0) return null;
  const failed = counts(page.job).get("FAILED") ?? 0;
  return h(
    "section",
    { class: "failures", "aria-label": "Failed tasks" },
    h("h2", {}, counted(failed, "task"), " failed"),
    page.failures.map(({ task, text }) =>
      h(
        "button",
        { type: "button", class: "failure-row", onclick: () => page.openTask(uuid(task.id), uuid(task.parentId)) },
        icon("FAILED"),
        h("span", { class: "clip" }, visible((task.display ?? "").split("\n")[0])),
        text && h("code", { class: "clip" }, visible(text)),
      ),
    ),
    failed > page.failures.length && h("p", { class: "faint" }, "More are in the tree of tasks and in the logs."),
  );
}
