// The list of jobs: filters in the address, newest first, further pages as one scrolls, live states.

import { add, button, empty, failure, fill, h, link } from "./dom.js";
import { call, isAbort, readJob, uuid } from "./api.js";
import { count, counted, instant, milliseconds, span, time } from "./format.js";
import { JOB_STATES, TASK_STATES, counts, icon, isOpen, jobState, progressBar, stateBar, words } from "./states.js";
import { watch } from "./live.js";

const PAGE = 50;
/** Jobs further down that are read one by one when they change; more wait for the next look. */
const SINGLE_READS_MAX = 5;
const RANGES = [
  ["", "Any time"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
];
const HOURS = { "1h": 1, "24h": 24, "7d": 168, "30d": 720 };

/** A time interval of the address: `range`, or `from` and `to`. */
export function interval(query) {
  const hours = HOURS[query.get("range")];
  if (hours) return { startTime: new Date(Date.now() - hours * 3600e3).toISOString() };
  const [from, to] = [Date.parse(query.get("from")), Date.parse(query.get("to"))];
  if (Number.isNaN(from) && Number.isNaN(to)) return undefined;
  return {
    startTime: new Date(Number.isNaN(from) ? 0 : from).toISOString(),
    endTime: new Date(Number.isNaN(to) ? Date.now() + 60e3 : to).toISOString(),
  };
}

function filtersOf(query) {
  const filters = {};
  const time = interval(query);
  if (time) filters.timeInterval = time;
  const states = query.getAll("state").filter((state) => JOB_STATES.includes(state.toUpperCase()));
  if (states.length) filters.states = states.map((state) => `JOB_STATE_${state.toUpperCase()}`);
  const taskStates = query.getAll("task").filter((state) => TASK_STATES.includes(state.toUpperCase()));
  if (taskStates.length) filters.taskStates = taskStates.map((state) => `TASK_STATE_${state.toUpperCase()}`);
  if (query.get("name")) filters.name = query.get("name");
  if (query.getAll("cluster").length) filters.clusterSlugs = query.getAll("cluster");
  return filters;
}

/** How long a job took, or has taken so far. */
export function elapsed(job) {
  const stats = job.executionStats ?? {};
  const start = instant(stats.firstTaskStartedAt);
  if (Number.isNaN(start)) return Number.NaN;
  return ["RUNNING", "STARTED"].includes(jobState(job))
    ? Math.max(Date.now() - start, 0)
    : milliseconds(stats.elapsedTime);
}

function row(job) {
  const key = uuid(job.id);
  const state = jobState(job);
  const stats = job.executionStats ?? {};
  const total = Number(stats.totalTasks ?? 0);
  const progress = job.progress ?? [];
  return h(
    "a",
    { class: "job-row", href: `/workflows/jobs/${key}`, "data-row": true, "data-job": key, role: "listitem" },
    icon(state),
    h(
      "span",
      { class: "job-name", title: `${job.name}\n${key}` },
      h("span", { class: "clip" }, job.name),
      progress.length > 0 &&
        h(
          "span",
          { class: "job-progress" },
          progress.slice(0, 3).map((entry) => progressBar(entry, true)),
          progress.length > 3 && h("span", { class: "faint" }, `+${count(progress.length - 3)}`),
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

function chips(context, values, parameter, label) {
  const chosen = context.query.getAll(parameter);
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": label },
    values.map((value) => {
      const low = value.toLowerCase();
      return button(
        [icon(value), h("span", {}, words(value)), h("span", { class: "chip-count", "data-count": value })],
        () => {
          const rest = chosen.filter((each) => each !== low);
          const next = new URLSearchParams(context.query);
          next.delete(parameter);
          (rest.length === chosen.length ? [...chosen, low] : rest).forEach((each) => next.append(parameter, each));
          context.go(`/workflows/jobs${next.size ? `?${next}` : ""}`, { replace: true });
        },
        { class: "chip", "aria-pressed": String(chosen.includes(low)) },
      );
    }),
  );
}

function picker(context, parameter, label, options) {
  const chosen = context.query.get(parameter) ?? "";
  return h(
    "label",
    { class: "pick" },
    h("span", { class: "sr" }, label),
    h(
      "select",
      {
        "aria-label": label,
        onchange: (event) => {
          const next = new URLSearchParams(context.query);
          next.delete(parameter);
          if (parameter === "range") ["from", "to"].forEach((each) => next.delete(each));
          if (event.target.value) next.set(parameter, event.target.value);
          context.go(`/workflows/jobs${next.size ? `?${next}` : ""}`, { replace: true });
        },
      },
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
    ),
  );
}

/** Reads the number of jobs per state into the chips. */
async function countStates(context) {
  const request = {
    timeInterval: interval(context.query) ?? { startTime: "1970-01-01T00:00:00Z", endTime: "2200-01-01T00:00:00Z" },
  };
  request.timeInterval.endTime ??= "2200-01-01T00:00:00Z";
  const answer = await call("JobService/GetJobStateCounts", request, { signal: context.signal });
  const found = new Map(
    (answer.stateCounts ?? []).map((entry) => [entry.state.replace("JOB_STATE_", ""), entry.count]),
  );
  for (const place of context.view.querySelectorAll(".job-states [data-count]")) {
    place.textContent = count(found.get(place.dataset.count) ?? 0);
  }
}

/** Shows the list. */
export async function show(context) {
  const { view, query, signal } = context;
  const filtered = ["state", "task", "name", "cluster", "range", "from", "to"].some((name) => query.has(name));
  const list = h("div", { class: "job-list", role: "list", "aria-label": "Jobs" });
  const end = h("div", { class: "list-end", "aria-live": "polite" }, "Reading …");
  const clusters = h("span");
  fill(
    view,
    h(
      "div",
      { class: "head" },
      h("h1", {}, "Jobs"),
      h("span", { class: "grow" }),
      link("/workflows/jobs/new", { class: "button primary" }, "New job"),
    ),
    h(
      "div",
      { class: "filters" },
      h("div", { class: "job-states" }, chips(context, JOB_STATES, "state", "Jobs in state")),
      h(
        "div",
        { class: "row wrap" },
        picker(context, "range", "Submitted", RANGES),
        clusters,
        picker(context, "task", "With tasks that are", [
          ["", "Any task state"],
          ...TASK_STATES.map((state) => [state.toLowerCase(), `Has ${words(state)} tasks`]),
        ]),
        query.get("name") && h("span", { class: "applied" }, "name: ", h("b", {}, query.get("name"))),
        filtered && button("Clear filters", () => context.go("/workflows/jobs"), { class: "quiet" }),
      ),
    ),
    h(
      "div",
      { class: "job-row job-head", "aria-hidden": "true" },
      h("span"),
      h("span", {}, "Name"),
      h("span", {}, "Tasks"),
      h("span", { class: "number wide" }, "Elapsed"),
      h("span", { class: "number wide" }, "Compute"),
      h("span", { class: "job-when" }, "Submitted"),
    ),
    list,
    end,
  );
  document.getElementById("search").value = query.get("name") ?? "";

  const shown = new Map();
  let next;
  let reading = false;
  let complete = false;
  const read = (startingAfter) =>
    call(
      "JobService/QueryJobs",
      { filters: filtersOf(query), page: { limit: PAGE, ...(startingAfter && { startingAfter }) } },
      { signal },
    );
  const put = (job) => {
    const key = uuid(job.id);
    const text = JSON.stringify(job);
    const old = shown.get(key);
    if (old?.text === text && !isOpen(job)) return old.element;
    const element = row(job);
    if (old) {
      const focused = old.element === document.activeElement;
      old.element.replaceWith(element);
      if (focused) element.focus();
    }
    shown.set(key, { text, element });
    return element;
  };
  const tell = () => {
    if (shown.size === 0) {
      fill(
        end,
        filtered
          ? empty("No jobs match", "Take a filter away, or look at a longer time.")
          : empty(
              "No jobs yet",
              "Submit one with an SDK, with “boxwood job submit”, or here.",
              link("/workflows/jobs/new", { class: "button primary" }, "New job"),
            ),
      );
    } else fill(end, complete ? `${counted(shown.size, "job")}, that is all` : "");
    end.className = "list-end";
  };
  const more = async () => {
    if (reading || complete) return;
    reading = true;
    try {
      const page = await read(next);
      add(list, (page.jobs ?? []).map(put));
      next = page.nextPage?.startingAfter;
      complete = !next;
      tell();
    } catch (error) {
      if (!isAbort(error)) fill(end, failure(error, more));
    } finally {
      reading = false;
    }
    // A high window may show more than one page.
    if (!complete && !signal.aborted && end.getBoundingClientRect().top < innerHeight + 400) await more();
  };
  const refresh = async (jobs) => {
    try {
      const page = await read();
      const head = page.jobs ?? [];
      const keys = new Set(head.map((job) => uuid(job.id)));
      const last = head.length && page.nextPage ? uuid(head.at(-1).id) : "";
      // What left the first page no longer matches.
      for (const [key, { element }] of shown) {
        if (key > last && !keys.has(key)) {
          element.remove();
          shown.delete(key);
        }
      }
      let before = list.firstElementChild;
      for (const job of head) {
        const element = put(job);
        if (element.parentElement !== list) list.insertBefore(element, before);
        before = element.nextElementSibling;
      }
      if (!next && !complete && !reading) {
        // The first reading had failed.
        next = page.nextPage?.startingAfter;
        complete = !next;
      }
      const further = jobs ? [...jobs].filter((key) => shown.has(key) && !keys.has(key)) : [];
      for (const key of further.slice(0, SINGLE_READS_MAX)) put(await readJob(key, { signal }));
      tell();
      await countStates(context);
    } catch (error) {
      if (!isAbort(error))
        fill(end, h("p", { class: "faint" }, `${error.title ?? "Reading failed"}; trying again. ${error.message}`));
    }
  };

  call("WorkflowsService/ListClusters", {}, { signal })
    .then((answer) => {
      const options = (answer.clusters ?? []).map((cluster) => [cluster.slug, cluster.displayName || cluster.slug]);
      fill(clusters, picker(context, "cluster", "Cluster", [["", "Any cluster"], ...options]));
    })
    .catch(() => {});
  countStates(context).catch(() => {});
  await more();
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) more();
    },
    { rootMargin: "600px" },
  );
  observer.observe(end);
  context.onLeave(() => observer.disconnect());
  context.onLeave(watch(null, refresh));
}
