// The execution of a job as a timeline: a bar per span, coloured by the runner that told it.

import { button, empty, failure, fill, h, styled } from "./dom.js";
import { call, hex, id, isAbort, uuid } from "./api.js";
import { count, counted, fromNanos, span as duration, visible } from "./format.js";
import { attributes, runnerName } from "./record.js";
import { MOVES, rove } from "./rove.js";
import { seldom } from "./seldom.js";

const PAGE = 1000;
/** Spans read at most; a page that draws more is slow, and nobody reads it. */
const SPANS_MAX = 5000;
/** Runners send spans every few seconds. */
const PAUSE_MS = 3000;
/** Rows drawn at first, and with each further wish. */
const ROWS = 200;
/** Bars drawn in the lanes of runners. */
const BARS_MAX = 2000;
const HUES = 10;

/** A span out of its envelope. */
export function spanOf(entry) {
  const span = entry.scopeSpans?.[0]?.spans?.[0] ?? {};
  const resource = attributes(entry.resource?.attributes);
  return {
    id: hex(span.spanId),
    parent: hex(span.parentSpanId),
    name: span.name ?? "",
    start: fromNanos(span.startTimeUnixNano),
    end: fromNanos(span.endTimeUnixNano),
    error: [2, "STATUS_CODE_ERROR"].includes(span.status?.code),
    said: span.status?.message ?? "",
    runner: runnerName(resource),
    instance: resource.get("service.instance.id") ?? runnerName(resource),
    instanceId: resource.get("service.instance.id"),
    task: attributes(span.attributes).get("task_id"),
    children: [],
    events: span.events ?? [],
    attributes: attributes(span.attributes),
  };
}

/** The view. */
export function execution(page, body) {
  const { key, signal } = page;
  const opened = new Set();
  let [spans, cut, shown] = [[], false, ROWS];
  let displays = new Map();
  let byRunner = page.query.get("by") === "runner";
  fill(body, h("p", { class: "faint" }, "Reading …"));

  const load = async () => {
    const found = [];
    let after;
    do {
      const answer = await call(
        "TelemetryQueryService/QueryJobSpans",
        { jobId: id(key), page: { limit: PAGE, ...(after && { startingAfter: after }) } },
        { signal },
      );
      found.push(...(answer.resourceSpans ?? []).map(spanOf));
      after = answer.nextPage?.startingAfter;
    } while (after && found.length < SPANS_MAX);
    cut = Boolean(after);
    // Spans carry the class of a task; the job knows what its first tasks are called.
    const job = await call("JobService/GetJob", { jobId: id(key) }, { signal });
    displays = new Map((job.taskSummaries ?? []).map((task) => [uuid(task.id), (task.display ?? "").split("\n")[0]]));
    spans = found;
  };

  const draw = () => {
    if (spans.length === 0) {
      fill(
        body,
        empty(
          "No spans yet",
          "Runners send their spans a few seconds after each task; the SDK must be told where (it is by default).",
        ),
      );
      return;
    }
    const known = new Map(spans.map((each) => [each.id, each]));
    spans.forEach((each) => {
      each.children = [];
    });
    const roots = [];
    for (const each of spans) {
      const parent = known.get(each.parent);
      // The job's own span frames the tasks; they are what one looks for.
      if (parent && parent !== each && !parent.name.startsWith("job/")) parent.children.push(each);
      else roots.push(each);
    }
    const tasks = roots.filter((each) => !each.name.startsWith("job/"));
    const rows = tasks.length ? tasks : roots;
    rows.sort((left, right) => left.start - right.start);
    const first = Math.min(...rows.map((each) => each.start));
    const last = Math.max(...rows.map((each) => each.end), first + 0.001);
    const runners = [
      ...new Map(spans.filter((each) => !each.name.startsWith("job/")).map((each) => [each.instance, each.runner])),
    ];
    const hue = new Map(runners.map(([instance], index) => [instance, index % HUES]));
    const errors = spans.filter((each) => each.error).length;

    const nameOf = (each) =>
      visible((each.name.startsWith("task/") && displays.get(each.task)) || each.name.replace(/^task\//, ""));
    const tell = (each) =>
      [
        nameOf(each),
        `${duration(each.end - each.start)}, starts ${duration(each.start - first)} after the first`,
        each.runner,
        each.said && visible(each.said),
      ]
        .filter(Boolean)
        .join("\n");
    const row = (each, level) => {
      const left = ((each.start - first) / (last - first)) * 100;
      const width = ((each.end - each.start) / (last - first)) * 100;
      const bar = styled(h("span", { class: `bar hue-${hue.get(each.instance) ?? 0} ${each.error ? "error" : ""}` }), {
        left: `${left}%`,
        width: `${width}%`,
      });
      const length = styled(
        h("span", { class: `bar-label ${left > 70 ? "before" : ""}` }, duration(each.end - each.start)),
        left > 70 ? { right: `${100 - left}%` } : { left: `${left + width}%` },
      );
      const open = opened.has(each.id);
      const many = each.children.length;
      const sign = many === 0 ? "" : open ? "▾" : "▸";
      const flip = () => {
        if (!many) return;
        if (!opened.delete(each.id)) opened.add(each.id);
        draw();
        body.querySelector(`[data-span="${each.id}"]`)?.focus();
      };
      const line = h(
        "div",
        {
          class: "span-row",
          "data-row": true,
          "data-span": each.id,
          tabindex: -1,
          role: "treeitem",
          "aria-level": level + 1,
          "aria-label": tell(each) + (each.error ? ", failed" : ""),
          "aria-expanded": many ? String(open) : null,
          title: tell(each),
          onclick: () => (many ? flip() : each.task && page.openTask(each.task)),
          onkeydown: (event) => {
            if (event.key === "Enter" && each.task) page.openTask(each.task);
            else if ((event.key === "ArrowRight" && !open) || (event.key === "ArrowLeft" && open)) flip();
            else return;
            event.preventDefault();
          },
        },
        h(
          "span",
          { class: "span-name" },
          styled(h("span", { class: "toggle" }, sign), { "margin-left": `${level * 14}px` }),
          each.error && h("span", { class: "error-dot", "aria-hidden": "true" }, "!"),
          h("span", { class: "clip" }, nameOf(each)),
          many > 0 && h("span", { class: "faint" }, count(many)),
        ),
        h("span", { class: "lane" }, bar, length),
      );
      return [line, open && [...each.children].sort((a, b) => a.start - b.start).map((child) => row(child, level + 1))];
    };

    // Each runner has as many lanes as it had tasks at once.
    const lanes = () =>
      runners.flatMap(([instance, name]) => {
        const packed = [];
        for (const each of rows.slice(0, BARS_MAX).filter((span) => span.instance === instance)) {
          const lane = packed.find((spans) => spans.at(-1).end <= each.start);
          if (lane) lane.push(each);
          else packed.push([each]);
        }
        return packed.map((lane, index) =>
          h(
            "div",
            { class: "span-row" },
            h(
              "span",
              { class: "span-name" },
              index === 0 && [
                h("span", { class: `swatch hue-${hue.get(instance)}` }),
                h("span", { class: "clip", title: instance }, name),
              ],
            ),
            h(
              "span",
              { class: "lane" },
              lane.map((each) =>
                styled(
                  button("", () => each.task && page.openTask(each.task), {
                    class: `bar hue-${hue.get(instance)} ${each.error ? "error" : ""}`,
                    title: tell(each),
                    "aria-label": tell(each),
                    tabindex: -1,
                  }),
                  {
                    left: `${((each.start - first) / (last - first)) * 100}%`,
                    width: `${((each.end - each.start) / (last - first)) * 100}%`,
                  },
                ),
              ),
            ),
          ),
        );
      });

    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
      styled(h("span", { class: "tick" }, duration((last - first) * share)), { left: `${share * 100}%` }),
    );
    const timeline = h(
      "div",
      { class: "timeline", role: byRunner ? "group" : "tree", "aria-label": "Spans" },
      h("div", { class: "span-row span-head", "aria-hidden": "true" }, h("span"), h("span", { class: "lane" }, ticks)),
      byRunner ? lanes() : rows.slice(0, shown).map((each) => row(each, 0)),
    );
    fill(
      body,
      h(
        "div",
        { class: "row wrap summary" },
        h("b", {}, counted(spans.length, "span"), cut && " (the first)"),
        h("span", { class: errors ? "bad-text" : "faint" }, counted(errors, "error")),
        h("span", { class: "faint" }, counted(runners.length, "runner")),
        h(
          "span",
          { class: "chips", role: "group", "aria-label": "Rows" },
          [
            [false, "by task"],
            [true, "by runner"],
          ].map(([choice, text]) =>
            button(
              text,
              () => {
                byRunner = choice;
                if (byRunner) page.query.set("by", "runner");
                else page.query.delete("by");
                page.setQuery(page.query);
                draw();
              },
              { class: "chip", "aria-pressed": String(choice === byRunner) },
            ),
          ),
        ),
        h("span", { class: "grow" }),
        runners
          .slice(0, 8)
          .map(([instance, name]) =>
            h(
              "span",
              { class: "legend-entry", title: instance },
              h("span", { class: `swatch hue-${hue.get(instance)}` }),
              name,
            ),
          ),
        runners.length > 8 && h("span", { class: "faint" }, `+${count(runners.length - 8)}`),
      ),
      timeline,
      !byRunner &&
        rows.length > shown &&
        h(
          "div",
          { class: "list-end" },
          button(`Show more of ${count(rows.length)}`, () => {
            shown += ROWS;
            draw();
          }),
        ),
      cut && h("p", { class: "faint" }, `Only the first ${count(spans.length)} spans are shown.`),
    );
    if (byRunner) rove(timeline, "button.bar", Object.keys(MOVES));
    else rove(timeline, "[role=treeitem]", ["ArrowDown", "ArrowUp", "Home", "End"]);
  };

  const start = () =>
    load()
      .then(draw)
      .catch((error) => {
        if (!isAbort(error)) fill(body, failure(error, start));
      });
  start();
  // Spans are in the order of their starts and come when they end: all of them are read again.
  const reading = seldom(PAUSE_MS, async () => {
    const before = spans.length;
    await load();
    if (spans.length !== before) draw();
  });
  return { refresh: reading.refresh, end: reading.end };
}
