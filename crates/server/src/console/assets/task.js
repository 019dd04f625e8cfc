// One task, beside the view it was opened from: what went in, how it went, what it said.

import { button, empty, failure, fill, h, styled } from "./dom.js";
import { bytes, call, id, isAbort, readTask, uuid } from "./api.js";
import { count, counted, instant, readable, span, time, visible } from "./format.js";
import { clusterName } from "./names.js";
import { badge, taskState } from "./states.js";
import { spanOf } from "./execution.js";
import { attributes, record, recordRow } from "./record.js";
import { ran } from "./tree.js";
import { explainTask } from "./waits.js";

const LOGS_MAX = 200;
const SPANS_MAX = 100;

/** The spans of a task, each below the one it is part of, with the exceptions they ended in. */
function trace(spans) {
  const known = new Set(spans.map((each) => each.id));
  const [first, last] = [
    Math.min(...spans.map((each) => each.start)),
    Math.max(...spans.map((each) => each.end)) + 0.001,
  ];
  const rows = (parent, level) =>
    spans
      .filter((each) => (parent ? each.parent === parent.id : !known.has(each.parent)))
      .sort((left, right) => left.start - right.start)
      .flatMap((each) => [
        h(
          "div",
          { class: "trace-row", title: `${span(each.end - each.start)} on ${each.runner}` },
          styled(h("span", { class: `clip ${each.error ? "bad-text" : ""}` }, visible(each.name)), {
            "padding-left": `${level * 12}px`,
          }),
          h(
            "span",
            { class: "lane" },
            styled(h("span", { class: `bar hue-0 ${each.error ? "error" : ""}` }), {
              left: `${((each.start - first) / (last - first)) * 100}%`,
              width: `${((each.end - each.start) / (last - first)) * 100}%`,
            }),
          ),
          h("span", { class: "number faint" }, span(each.end - each.start)),
        ),
        each.events
          .filter((event) => event.name === "exception")
          .map((event) => {
            const said = attributes(event.attributes);
            return h(
              "pre",
              { class: "block bad-text", tabindex: 0 },
              visible(
                said.get("exception.stacktrace") ??
                  `${said.get("exception.type") ?? "exception"}: ${said.get("exception.message") ?? ""}`,
              ),
            );
          }),
        rows(each, level + 1),
      ]);
  return h("div", { class: "trace" }, rows(null, 0));
}

/** Opens the panel; answers how to read it again. */
export function panel(page, place, key, parent, known) {
  const { signal } = page;
  let text = "";
  place.hidden = false;
  const close = button("Close", () => page.closeTask(), { class: "quiet", title: "Close (Esc)" });

  const find = async () => {
    const found = await readTask(page.key, key, parent, { signal });
    if (found || parent) return found;
    // The link names no parent: the first thousand tasks say theirs.
    const job = await call("JobService/GetJob", { jobId: id(page.key) }, { signal });
    const summary = (job.taskSummaries ?? []).find((each) => uuid(each.id) === key);
    return summary?.parentId ? readTask(page.key, key, uuid(summary.parentId), { signal }) : null;
  };

  const draw = (task, logs, spans, why) => {
    const state = taskState(task);
    const input = task.input === undefined ? null : readable(bytes(task.input));
    const [display, ...lines] = (task.display ?? "").split("\n");
    const fact = (name, value) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value));
    fill(
      place,
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
        task.optional && h("span", { class: "tag" }, "optional"),
        h("code", { class: "faint" }, key),
      ),
      lines.length > 0 && h("pre", { class: "block" }, visible(lines.join("\n"))),
      h(
        "dl",
        { class: "facts compact" },
        fact("Submitted", time(instant(task.submittedAt))),
        fact("Started", time(instant(task.startedAt))),
        fact("Stopped", time(instant(task.stoppedAt))),
        fact("Ran", span(ran(task))),
        fact("Cluster", clusterName(task.clusterSlug)),
        fact("Failed attempts", count(task.retryCount)),
        fact("Retries allowed", count(task.maxRetries)),
      ),
      state === "QUEUED" &&
        h("p", { class: "note" }, visible(why ?? "It waits: for tasks it depends on, or for a runner that knows it.")),
      h(
        "h3",
        {},
        "Input",
        input && h("span", { class: "faint" }, ` ${input.kind}, ${counted(bytes(task.input).length, "byte")}`),
      ),
      input && input.text
        ? h("pre", { class: "block", tabindex: 0 }, input.kind === "JSON" ? input.text : visible(input.text))
        : h("p", { class: "faint" }, "None."),
      spans.length > 0 && [h("h3", {}, "Trace"), trace(spans)],
      h(
        "h3",
        {},
        "Logs",
        logs.length > 0 &&
          h(
            "span",
            { class: "faint" },
            ` ${count(logs.length)}${logs.length >= LOGS_MAX ? " or more, the latest first" : ", the latest first"}`,
          ),
      ),
      logs.length
        ? h(
            "div",
            { class: "log-list" },
            logs.map((each) => recordRow(each)),
          )
        : h("p", { class: "faint" }, "None yet."),
    );
  };

  const read = async (task) => {
    const why = taskState(task) === "QUEUED" ? await explainTask(key, signal) : null;
    const logs = await call(
      "TelemetryQueryService/QueryJobLogs",
      { jobId: id(page.key), taskId: id(key), page: { limit: LOGS_MAX }, sortDirection: "SORT_DIRECTION_DESCENDING" },
      { signal },
    );
    const spans = await call(
      "TelemetryQueryService/QueryJobSpans",
      { jobId: id(page.key), taskId: id(key), page: { limit: SPANS_MAX } },
      { signal },
    );
    return [task, (logs.resourceLogs ?? []).map(record), (spans.resourceSpans ?? []).map(spanOf), why];
  };
  const refresh = async () => {
    const task = await find();
    if (place.hidden || page.query.get("task") !== key) return;
    if (!task) {
      fill(
        place,
        h("div", { class: "head" }, h("h2", {}, "Task"), h("span", { class: "grow" }), close),
        empty(
          "This task was not found",
          "It belongs to another job, or the link does not say below which task it is. Look for it in the tree.",
        ),
      );
      return;
    }
    const all = await read(task);
    const now = JSON.stringify(all, (name, each) => (each instanceof Map ? [...each] : each));
    if (now === text && taskState(task) !== "RUNNING") return;
    text = now;
    const top = place.scrollTop;
    if (page.query.get("task") === key) draw(...all);
    place.scrollTop = top;
  };
  if (known) draw(known, [], [], null);
  else fill(place, h("p", { class: "faint" }, "Reading …"));
  refresh().catch((error) => {
    if (!isAbort(error))
      fill(
        place,
        close,
        failure(error, () => refresh().catch(() => {})),
      );
  });
  return { refresh };
}
