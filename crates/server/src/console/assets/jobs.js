// The list of jobs: filters in the address, newest first, further pages as one scrolls, live states.

import { add, button, empty, fill, h, link } from "./dom.js";
import { call, isAbort, readJob, uuid } from "./api.js";
import { count, counted } from "./format.js";
import { grow } from "./grow.js";
import { jobRow } from "./job-row.js";
import { JOB_STATES, TASK_STATES, icon, isOpen, words } from "./states.js";
import { watch } from "./live.js";
import { hasRange, interval, rangeFields } from "./range.js";
import { firstJob } from "./start.js";

const PAGE = 50;
/** Jobs further down that are read one by one when they change; more wait for the next look. */
const SINGLE_READS_MAX = 5;
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
          if (event.target.value) next.set(parameter, event.target.value);
          context.go(`/workflows/jobs${next.size ? `?${next}` : ""}`, { replace: true });
        },
      },
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
    ),
  );
}

/** The name, or a part of it; unlike the search box it leaves the other filters as they are. */
function nameField(context) {
  return h("input", {
    type: "search",
    value: context.query.get("name") ?? "",
    placeholder: "Name contains",
    "aria-label": "Name contains",
    maxlength: 100,
    class: "name-filter",
    onchange: (event) => {
      const next = new URLSearchParams(context.query);
      next.delete("name");
      if (event.target.value.trim()) next.set("name", event.target.value.trim());
      context.go(`/workflows/jobs${next.size ? `?${next}` : ""}`, { replace: true });
    },
  });
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
  const filtered = hasRange(query) || ["state", "task", "name", "cluster"].some((name) => query.has(name));
  const list = h("div", { class: "job-list", role: "group", "aria-label": "Jobs" });
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
        nameField(context),
        rangeFields(query, { label: "Submitted", any: "Any time" }, (next) =>
          context.go(`/workflows/jobs${next.size ? `?${next}` : ""}`, { replace: true }),
        ),
        clusters,
        picker(context, "task", "With tasks that are", [
          ["", "Any task state"],
          ...TASK_STATES.map((state) => [state.toLowerCase(), `Has ${words(state)} tasks`]),
        ]),
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
  const shown = new Map();
  let next;
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
    const element = jobRow(job);
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
      if (end.querySelector(".empty:not(.bad)")) return;
      fill(
        end,
        filtered
          ? empty("No jobs match", "Take a filter away, or look at a longer time.")
          : empty(
              "No jobs yet",
              "A job is a tree of tasks that runners execute. Submit the first one: it appears here by itself.",
              firstJob(),
            ),
      );
    } else {
      const text = complete ? `${counted(shown.size, "job")}, that is all` : "";
      // Written only when it is new: it is read out.
      if (end.textContent !== text || end.childElementCount) fill(end, text);
    }
  };
  const more = async () => {
    const page = await read(next);
    add(list, (page.jobs ?? []).map(put));
    next = page.nextPage?.startingAfter;
    complete = !next;
    tell();
    return !complete;
  };
  const growing = grow(end, more, signal);
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
      if (!next && !complete && !growing.reading()) {
        // The first reading had failed.
        next = page.nextPage?.startingAfter;
        complete = !next;
        if (next) growing.goOn();
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
  await growing.read();
  context.onLeave(watch(null, refresh));
}
