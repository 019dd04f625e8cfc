// A log record, and how it is shown: by the logs of a job, of a task, and of all jobs.

import { add, button, h, link } from "./dom.js";
import { hex } from "./api.js";
import { fromNanos, time, visible } from "./format.js";
import { taskAddress } from "./insight.js";

/** Groups of severities, in the order of their numbers (O-31). */
export const LEVELS = ["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"];
/** Attributes shown by other means. */
const PLAIN = new Set(["task_id", "trace_id", "span_id"]);

/** Names of services that only say which SDK it is (O-17). */
const UNNAMED = new Set(["boxwood-rust", "tilebox-python", "tilebox-go"]);

/** The group a severity number belongs to (O-31). */
function level(number) {
  return LEVELS[Math.min(Math.max(Math.ceil((number || 1) / 4) - 1, 0), 4)];
}

/** A value of OpenTelemetry, as text. */
export function value(any) {
  if (!any) return "";
  if (any.stringValue !== undefined) return any.stringValue;
  if (any.boolValue !== undefined) return String(any.boolValue);
  if (any.intValue !== undefined) return String(any.intValue);
  if (any.doubleValue !== undefined) return String(any.doubleValue);
  if (any.bytesValue !== undefined) return hex(any.bytesValue);
  if (any.arrayValue) return `[${(any.arrayValue.values ?? []).map(value).join(", ")}]`;
  if (any.kvlistValue)
    return `{${(any.kvlistValue.values ?? []).map((entry) => `${entry.key}: ${value(entry.value)}`).join(", ")}}`;
  return "";
}

/** Attributes as a map from name to text. */
export function attributes(list) {
  return new Map((list ?? []).map((entry) => [entry.key, value(entry.value)]));
}

/** What a runner is called: the name somebody gave it, else where it runs; and its process. */
export function runnerName(resource) {
  const instance = resource.get("service.instance.id") ?? "";
  const given = resource.get("service.name") ?? "";
  const where = (UNNAMED.has(given) ? "" : given) || (resource.get("host.name") ?? "runner");
  const process = resource.get("process.pid") ?? "";
  return [where, process || instance.slice(0, 8)].filter(Boolean).join(" · ");
}

/** A log record out of its envelope. */
export function record(entry) {
  const scope = entry.scopeLogs?.[0] ?? {};
  const log = scope.logRecords?.[0] ?? {};
  const resource = attributes(entry.resource?.attributes);
  const number = typeof log.severityNumber === "string" ? severityOf(log.severityNumber) : log.severityNumber;
  return {
    at: fromNanos(log.timeUnixNano && log.timeUnixNano !== "0" ? log.timeUnixNano : log.observedTimeUnixNano),
    level: level(number),
    body: value(log.body),
    attributes: attributes(log.attributes),
    runner: runnerName(resource),
    instance: resource.get("service.instance.id") ?? runnerName(resource),
  };
}

/** JSON names severities: SEVERITY_NUMBER_WARN2. */
function severityOf(name) {
  const [, word, step] = /^SEVERITY_NUMBER_([A-Z]+?)(\d?)$/.exec(name) ?? [];
  const first = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 }[word] ?? 1;
  return first + (step ? Number(step) - 1 : 0);
}

/** A line of a log; it opens to show everything it carries. Beside it is room for a link to where it was written. */
export function recordRow(log, openTask) {
  const extra = [...log.attributes].filter(([name]) => !PLAIN.has(name));
  const task = log.attributes.get("task_id");
  const short = extra.filter(([name]) => !name.startsWith("exception.") && !name.startsWith("code."));
  const details = h("div", { class: "log-more", hidden: true });
  const place = h("span", { class: "log-place clip" });
  const line = h(
    "div",
    { class: `log-row level-${log.level}`, "data-row": true, tabindex: 0, role: "button", "aria-expanded": "false" },
    time(log.at, { millis: true }),
    h("span", { class: "level" }, log.level === "WARNING" ? "WARN" : log.level),
    h(
      "span",
      { class: "log-body" },
      visible(log.body),
      short.map(([name, text]) => h("span", { class: "attribute" }, `${visible(name)}=${visible(text)}`)),
    ),
    h("span", { class: "log-runner clip faint", title: `runner ${log.instance}` }, log.runner),
  );
  const flip = () => {
    details.hidden = !details.hidden;
    line.setAttribute("aria-expanded", String(!details.hidden));
    if (details.hidden || details.childElementCount) return;
    add(details, [
      extra.length > 0 &&
        h(
          "dl",
          { class: "attributes" },
          extra.map(([name, text]) => [h("dt", {}, visible(name)), h("dd", {}, h("pre", {}, visible(text)))]),
        ),
      h("p", { class: "faint" }, `runner ${log.instance}`, task && ` · task ${task}`),
      task && openTask && button("Open the task", () => openTask(task), { class: "small" }),
    ]);
  };
  line.addEventListener("click", () => {
    if (!getSelection()?.toString()) flip();
  });
  line.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    flip();
  });
  return h("div", { class: "log-entry", "data-task": task }, line, place, details);
}

/** Puts beside each line of a list where it was written: the job and the task, as `found` has them by their ids. */
export function placeRows(list, found) {
  for (const entry of list.querySelectorAll(":scope > .log-entry[data-task]")) {
    const place = entry.querySelector(":scope > .log-place");
    const task = found.get(entry.dataset.task);
    if (!task || place.childElementCount) continue;
    const name = visible((task.display ?? "").split("\n")[0]);
    const text = `${visible(task.jobName)} › ${name}`;
    place.append(link(taskAddress(task), { title: text, "data-place": true }, text));
  }
}
