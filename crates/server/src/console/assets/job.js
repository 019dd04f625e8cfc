// The page of one job: what it is, how far it is, what failed; and its views.

import { add, button, confirm, fill, h, link, toast } from "./dom.js";
import { call, id, isAbort, readJob, written } from "./api.js";
import { count, counted, instant, milliseconds, span, time, visible } from "./format.js";
import { badge, counts, icon, isOpen, jobState, progressBar, stateBar, words } from "./states.js";
import { elapsed } from "./job-row.js";
import { watch } from "./live.js";
import { diagram } from "./diagram.js";
import { execution } from "./execution.js";
import { failureNotes, readFailures } from "./failures.js";
import { explainJob } from "./insight.js";
import { jobLogs } from "./logs.js";
import { copy } from "./start.js";
import { waitNote } from "./waits.js";
import { panel } from "./task.js";
import { tree } from "./tree.js";

const TABS = [
  ["tasks", "Tasks", tree],
  ["logs", "Logs", jobLogs],
  ["execution", "Execution", execution],
  ["diagram", "Diagram", diagram],
];
/** How long after the last task its logs and spans may still arrive. */
const TELEMETRY_LATE_MS = 30_000;

/** Shows the page. */
export async function show(context) {
  const { view, query, signal } = context;
  // Older links name the parent of a task as well.
  query.delete("parent");
  const key = written(context.id);
  const page = { ...context, key, job: await readJob(key, { signal }), failures: null, waits: null };
  const top = h("div", { class: "job-top" });
  const body = h("div", { class: "tab-body", role: "tabpanel", id: "tab-body" });
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Views of the job" });
  const drawer = h("aside", { class: "drawer", hidden: true, tabindex: -1, "aria-label": "Task" });
  fill(view, top, tabs, h("div", { class: "with-drawer" }, body, drawer));

  let part = null;
  let task = null;
  let opener = null;
  page.openTask = (taskKey, summary) => {
    opener = document.activeElement;
    query.set("task", taskKey);
    context.setQuery(query);
    task = panel(page, drawer, taskKey, summary);
    drawer.focus({ preventScroll: true });
  };
  page.closeTask = () => {
    if (drawer.hidden) return;
    query.delete("task");
    context.setQuery(query);
    drawer.hidden = true;
    task = null;
    // Back to where it was opened from.
    if (opener?.isConnected) opener.focus({ preventScroll: true });
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

  let drawn = "";
  const draw = () => {
    // What is the same stays: somebody may be about to press or to copy something.
    const now = JSON.stringify([page.job, page.failures, page.waits]);
    if (now === drawn) return;
    drawn = now;
    document.title = `${page.job.name} · ${words(jobState(page.job))} · Boxwood`;
    const state = jobState(page.job);
    const again = state === "FAILED" && act(page, "Retry", retry, { class: "primary" });
    const held = focusMark(top);
    fill(top, header(page), facts(page), failureNotes(page.failures, page.openTask, again));
    held();
  };
  page.refresh = async () => {
    try {
      page.job = await readJob(key, { signal });
      await Promise.all([look(page), readWaits(page)]);
      draw();
      await part?.refresh?.();
      await task?.refresh?.();
    } catch (error) {
      if (!isAbort(error)) document.title = `? ${page.job.name} · Boxwood`;
    }
  };
  draw();
  await open(query.get("view"));
  if (query.get("task")) page.openTask(query.get("task"));
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
  Promise.all([look(page), readWaits(page)])
    .then(draw)
    .catch(() => {});
}

/** Remembers which control of a place has the keyboard, and gives it back once the place is drawn again. */
function focusMark(place) {
  const controls = () => [...place.querySelectorAll("a, button")];
  const held = controls().find((each) => each === document.activeElement)?.textContent;
  return () => {
    if (held !== undefined)
      controls()
        .find((each) => each.textContent === held)
        ?.focus({ preventScroll: true });
  };
}

/** Reads which tasks failed, if their number changed. */
async function look(page) {
  page.failures = await readFailures(page.job, page.key, page.failures, page.signal);
}

/** Reads what the queued tasks wait for, if the server tells. */
async function readWaits(page) {
  const queued = counts(page.job).get("QUEUED") ?? 0;
  page.waits = queued > 0 ? await explainJob(page.key, page.signal) : null;
}

/** A button that does something to the job and then reads it again. */
function act(page, label, run, properties) {
  return button(
    label,
    async (event) => {
      event.target.disabled = true;
      try {
        await run(page.key);
        await page.refresh();
      } catch (error) {
        toast(`${error.title ?? "That did not work"}: ${error.message}`, "bad");
      } finally {
        event.target.disabled = false;
      }
    },
    properties,
  );
}

async function retry(key) {
  const answer = await call("JobService/RetryJob", { jobId: id(key) });
  const again = Number(answer.numTasksRescheduled ?? 0);
  toast(again ? `${counted(again, "task")} will run again` : "The job goes on; no task had failed", "good");
}

async function cancel(key) {
  const text = "No further task is handed out. Tasks that run now run to their end. A retry lets the job go on.";
  if (!(await confirm("Cancel this job?", text, "Cancel the job", "danger"))) return;
  await call("JobService/CancelJob", { jobId: id(key) });
  toast("The job is canceled", "good");
}

function header(page) {
  const { job, key } = page;
  const state = jobState(job);
  return h(
    "div",
    {},
    h(
      "nav",
      { class: "crumbs", "aria-label": "Where" },
      link("/workflows/jobs", {}, "Jobs"),
      " / ",
      h("code", {}, key),
      button("Copy id", () => copy(key), { class: "quiet small" }),
    ),
    h(
      "div",
      { class: "head" },
      h("h1", { class: "clip", title: visible(job.name) }, visible(job.name)),
      badge(state),
      h("span", { class: "grow" }),
      // Of a failed job it stands beside what failed.
      state === "CANCELED" && act(page, "Retry", retry, { class: "primary" }),
      ["SUBMITTED", "RUNNING", "STARTED"].includes(state) && act(page, "Cancel", cancel, { class: "danger" }),
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
    page.waits ? waitNote(page.waits, state === "RUNNING", page) : waits && h("p", { class: "note" }, waits),
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
