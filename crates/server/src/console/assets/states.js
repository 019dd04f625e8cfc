// States of jobs and tasks: names, colours (by class), shapes.

import { h, styled, svg } from "./dom.js";
import { count } from "./format.js";

/** States of jobs, in the order they are offered. */
export const JOB_STATES = ["SUBMITTED", "RUNNING", "STARTED", "COMPLETED", "FAILED", "CANCELED"];
/** States of tasks, in the order of their numbers. */
export const TASK_STATES = ["QUEUED", "RUNNING", "COMPUTED", "FAILED", "SKIPPED", "FAILED_OPTIONAL"];
/** What the states of jobs mean. */
const MEANING = {
  SUBMITTED: "Submitted: no task has started yet",
  RUNNING: "Running: a runner works on it now",
  STARTED: "Started: tasks wait for a runner, none runs now",
  COMPLETED: "Completed: every task is done",
  FAILED: "Failed: a task failed, and the rest waits for a retry",
  CANCELED: "Canceled: no further task is handed out",
  QUEUED: "Queued: waits for its dependencies or for a runner",
  COMPUTED: "Computed: done",
  SKIPPED: "Skipped: it was not needed any more",
  FAILED_OPTIONAL: "Failed, but optional: the job goes on",
};

/** The short name of a state of a job, without its prefix. */
export function jobState(job) {
  return (job.state ?? "JOB_STATE_SUBMITTED").replace("JOB_STATE_", "");
}

/** The short name of a state of a task. */
export function taskState(task) {
  return (task.state ?? "TASK_STATE_QUEUED").replace("TASK_STATE_", "");
}

/** A state in words. */
export function words(state) {
  const text = state.replaceAll("_", " ").toLowerCase();
  return text === "failed optional" ? "failed (optional)" : text;
}

/** Whether a job may still change by itself. */
export function isOpen(job) {
  return ["SUBMITTED", "RUNNING", "STARTED"].includes(jobState(job)) || counts(job).get("RUNNING") > 0;
}

/** How many tasks of a job are in each state. */
export function counts(job) {
  const stats = job.executionStats?.tasksByState ?? [];
  return new Map(stats.map((entry) => [entry.state.replace("TASK_STATE_", ""), Number(entry.count)]));
}

const SHAPES = {
  check: "M5 8.300l2.100 2.100L11.200 6",
  cross: "M5.600 5.600l4.800 4.800M10.400 5.600l-4.800 4.800",
  slash: "M4.500 11.500l7-7",
  bar: "M5.500 8h5",
  next: "M5.500 5.500l2.500 2.500l-2.500 2.500M8.500 5.500l2.500 2.500l-2.500 2.500",
};
const LOOKS = {
  SUBMITTED: "ring",
  QUEUED: "ring",
  RUNNING: "spin",
  STARTED: "half",
  COMPLETED: "check",
  COMPUTED: "check",
  FAILED: "cross",
  CANCELED: "slash",
  SKIPPED: "next",
  FAILED_OPTIONAL: "cross",
};

/** The icon of a state: told by its shape as well as by its colour. */
export function icon(state) {
  const look = LOOKS[state] ?? "ring";
  const parts = [];
  if (look === "ring") parts.push(svg("circle", { cx: 8, cy: 8, r: 5.5, class: "line dashed" }));
  else if (look === "spin") {
    parts.push(
      svg("circle", { cx: 8, cy: 8, r: 5.5, class: "line track" }),
      svg("path", { d: "M8 2.500a5.500 5.500 0 0 1 5.500 5.500", class: "line spin" }),
    );
  } else if (look === "half") {
    parts.push(
      svg("circle", { cx: 8, cy: 8, r: 5.5, class: "line" }),
      svg("path", { d: "M8 4.500a3.500 3.500 0 0 1 0 7z", class: "solid" }),
    );
  } else {
    parts.push(svg("circle", { cx: 8, cy: 8, r: 7, class: "solid" }), svg("path", { d: SHAPES[look], class: "mark" }));
  }
  return svg(
    "svg",
    { viewBox: "0 0 16 16", class: `icon state-${state}`, role: "img", "aria-label": words(state) },
    svg("title", {}, MEANING[state] ?? words(state)),
    parts,
  );
}

/** A state with icon and name. */
export function badge(state) {
  return h("span", { class: `badge state-${state}`, title: MEANING[state] }, icon(state), words(state));
}

/** A bar of the states of a job's tasks, done ones first. */
export function stateBar(byState, total) {
  const order = ["COMPUTED", "FAILED_OPTIONAL", "SKIPPED", "FAILED", "RUNNING", "QUEUED"];
  const text = order
    .filter((state) => byState.get(state))
    .map((state) => `${count(byState.get(state))} ${words(state)}`);
  return h(
    "span",
    { class: "statebar", role: "img", title: text.join(", "), "aria-label": `Tasks: ${text.join(", ")}` },
    order
      .filter((state) => byState.get(state))
      .map((state) =>
        styled(h("span", { class: `state-${state}` }), {
          "flex-grow": String(byState.get(state) / Math.max(total, 1)),
        }),
      ),
  );
}

/** A progress bar of one indicator. */
export function progressBar(entry, compact) {
  const [done, total] = [Number(entry.done ?? 0), Number(entry.total ?? 0)];
  const share = total > 0 ? Math.min(done / total, 1) : done > 0 ? 1 : 0;
  const label = entry.label || "progress";
  const numbers = `${count(done)} of ${count(total)}`;
  return h(
    "div",
    { class: compact ? "progress compact" : "progress", title: `${label}: ${numbers}` },
    h("span", { class: "progress-label" }, label),
    h(
      "div",
      {
        class: "track",
        role: "progressbar",
        "aria-label": label,
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": Math.round(share * 100),
        "aria-valuetext": numbers,
      },
      styled(h("div", { class: share >= 1 ? "done" : "" }), { width: `${share * 100}%` }),
    ),
    h("span", { class: "progress-number" }, compact ? `${Math.floor(share * 100)}%` : numbers),
  );
}
