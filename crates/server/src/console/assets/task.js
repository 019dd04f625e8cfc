// One task, beside the view it was opened from: what went in, how it went, what it said.

import { button, empty, failure, fill, h } from "./dom.js";
import { bytes, call, id, isAbort, uuid } from "./api.js";
import { count, counted, instant, readable, span, time, visible } from "./format.js";
import { clusterName, clusterSentence } from "./names.js";
import { badge, taskState } from "./states.js";
import { spanOf } from "./execution.js";
import { explainTask } from "./insight.js";
import { record, recordRow } from "./record.js";
import { copy } from "./start.js";
import { trace } from "./trace.js";
import { ran } from "./tree.js";

const LOGS_MAX = 200;
const SPANS_MAX = 100;
/** How often a task is looked at again while it runs: its lease, logs and spans are no changes of the job. */
const LOOK_MS = 5000;

function fact(name, value, title) {
  return h("div", { class: "fact", title }, h("dt", {}, name), h("dd", {}, value));
}

/** When the lease ends, and that this is no deadline. */
function leaseFact(lease) {
  if (!lease) return null;
  const ends = instant(lease.endsAt);
  const left = Math.max(ends - Date.now(), 0);
  return fact(
    "Lease",
    ["ends in ", span(left < 1000 ? left : Math.round(left / 1000) * 1000), " (", time(ends), ")"],
    "Its runner extends the lease as long as it is alive. If it does not, the task is queued again.",
  );
}

/** How often it was tried, and how often it may still be. */
function tries({ executions, task }) {
  const [failures, left] = [Number(executions.failures ?? 0), Number(executions.retriesLeft ?? 0)];
  const used = Math.min(failures, Number(task.maxRetries ?? 0));
  return [
    fact("Handed out", counted(executions.handOuts ?? 0, "time")),
    fact(
      "Retries",
      Number(task.maxRetries ?? 0) ? `${count(used)} used, ${count(left)} left` : "none allowed",
      "How often it is executed again after a failure. A retry of the job gives it all of them again.",
    ),
    Number(executions.lostLeases ?? 0) > 0 &&
      fact("Lost leases", count(executions.lostLeases), "Its runner crashed, or lost its connection."),
    Number(task.retryCount ?? 0) > failures && fact("Failed so far", counted(task.retryCount, "time")),
  ];
}

function inputPart(task) {
  const data = bytes(task.input);
  const { kind, text } = readable(data);
  if (!data.length) return [h("h3", {}, "Input"), h("p", { class: "faint" }, "None.")];
  return [
    h("h3", {}, "Input", h("span", { class: "faint" }, ` ${kind}, ${counted(data.length, "byte")}`)),
    h("pre", { class: "block", tabindex: 0, "aria-label": "Input" }, visible(text)),
  ];
}

function logsPart(logs, more) {
  const note = ` ${count(logs.length)}${more ? " or more" : ""}, the latest first`;
  return [
    h("h3", {}, "Logs", logs.length > 0 && h("span", { class: "faint" }, note)),
    logs.length
      ? h(
          "div",
          { class: "log-list" },
          logs.map((each) => recordRow(each)),
        )
      : h("p", { class: "faint" }, "None yet."),
  ];
}

/** Everything that is known of a task. */
function details(known, logs, spans, close) {
  const { task } = known;
  const state = taskState(task);
  const [display, ...lines] = (task.display ?? "").split("\n");
  const key = uuid(task.id);
  const name = [known.identifier?.name, known.identifier?.version].filter(Boolean).join(" ");
  const runner = spans.at(-1)?.runner ?? logs[0]?.runner;
  return [
    h(
      "div",
      { class: "head" },
      h("h2", { class: "clip", title: visible(task.display ?? "") }, visible(display || "(no name)")),
      h("span", { class: "grow" }),
      close,
    ),
    h(
      "p",
      { class: "row wrap" },
      badge(state),
      task.optional && h("span", { class: "tag", title: "The job goes on if it fails" }, "optional"),
      h("code", { class: "faint" }, key),
      button("Copy id", () => copy(key), { class: "quiet small" }),
    ),
    lines.length > 0 &&
      h(
        "pre",
        { class: state.startsWith("FAILED") ? "block bad-text" : "block", tabindex: 0, "aria-label": "What it says" },
        visible(lines.join("\n")),
      ),
    known.wait && h("p", { class: "note" }, "It waits: ", clusterSentence(visible(known.wait.text ?? ""))),
    h(
      "dl",
      { class: "facts compact" },
      fact("Task", h("span", { class: "code" }, visible(name))),
      fact("Cluster", clusterName(task.clusterSlug)),
      runner && fact("Runner", visible(runner)),
      leaseFact(known.lease),
      fact("Submitted", time(instant(task.submittedAt))),
      fact("Started", time(instant(task.startedAt))),
      fact("Stopped", time(instant(task.stoppedAt))),
      fact("Ran", span(ran(task))),
      known.executions && tries(known),
    ),
    inputPart(task),
    spans.length > 0 && [h("h3", {}, "Trace"), trace(spans)],
    logsPart(logs, logs.length >= LOGS_MAX),
  ];
}

/** Opens the panel; answers how to read it again. `known` is what a list already knows of the task. */
export function panel(page, place, key, known) {
  const { signal } = page;
  let text = "";
  let running = false;
  place.hidden = false;
  const close = button("Close", () => page.closeTask(), { class: "quiet", title: "Close (Esc)" });
  const here = () => !place.hidden && page.query.get("task") === key;
  const draw = (...content) => {
    const [top, held] = [place.scrollTop, place.contains(document.activeElement)];
    fill(place, ...content);
    place.scrollTop = top;
    if (held && !place.contains(document.activeElement)) place.focus({ preventScroll: true });
  };

  const telemetry = async (method, limit, more) => {
    const request = { jobId: id(page.key), taskId: id(key), page: { limit }, ...more };
    return call(`TelemetryQueryService/${method}`, request, { signal });
  };
  const refresh = async () => {
    const found = await explainTask(key, signal);
    if (!here()) return;
    if (!found || uuid(found.jobId) !== page.key) {
      draw(
        h("div", { class: "head" }, h("h2", {}, "Task"), h("span", { class: "grow" }), close),
        empty("This task was not found", "No task of this job has this id. Look for it in the tree."),
      );
      return;
    }
    const [logs, spans] = await Promise.all([
      telemetry("QueryJobLogs", LOGS_MAX, { sortDirection: "SORT_DIRECTION_DESCENDING" }),
      telemetry("QueryJobSpans", SPANS_MAX),
    ]);
    if (!here()) return;
    running = taskState(found.task) === "RUNNING";
    const now = JSON.stringify([found, logs, spans]);
    if (now === text && !running) return;
    text = now;
    draw(details(found, (logs.resourceLogs ?? []).map(record), (spans.resourceSpans ?? []).map(spanOf), close));
  };
  const again = () =>
    refresh().catch((error) => {
      if (!isAbort(error) && here()) draw(close, failure(error, again));
    });
  if (known) fill(place, details({ task: known }, [], [], close));
  else fill(place, h("p", { class: "faint" }, "Reading …"));
  again();
  const look = setInterval(() => {
    if (!here()) clearInterval(look);
    else if (running && !document.hidden) refresh().catch(() => {});
  }, LOOK_MS);
  page.onLeave(() => clearInterval(look));
  return { refresh };
}
