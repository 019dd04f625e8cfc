// The spans of one task as a small timeline.

import { h, styled } from "./dom.js";
import { span, visible } from "./format.js";
import { attributes } from "./record.js";

/** Each span below the one it is part of, with the exceptions they ended in. */
export function trace(spans) {
  const known = new Set(spans.map((each) => each.id));
  const first = Math.min(...spans.map((each) => each.start));
  const last = Math.max(...spans.map((each) => each.end)) + 0.001;
  const rows = (parent, level) =>
    spans
      .filter((each) => (parent ? each.parent === parent.id : !known.has(each.parent)))
      .sort((left, right) => left.start - right.start)
      .flatMap((each) => [row(each, level, first, last), each.events.map(exception), rows(each, level + 1)]);
  return h(
    "div",
    { class: "trace" },
    h(
      "div",
      { class: "trace-head faint", "aria-hidden": "true" },
      h("span"),
      h("span", { class: "trace-scale" }, h("span", {}, "0"), h("span", {}, span(last - first))),
      h("span"),
    ),
    h("div", { role: "list", "aria-label": "Spans of the task" }, rows(null, 0)),
  );
}

function row(each, level, first, last) {
  const took = span(each.end - each.start);
  const part = (time) => `${((time - first) / (last - first)) * 100}%`;
  return h(
    "div",
    { class: "trace-row", role: "listitem", title: `${visible(each.name)}: ${took} on ${each.runner}` },
    styled(h("span", { class: `clip ${each.error ? "bad-text" : ""}` }, visible(each.name)), {
      "padding-left": `${Math.min(level, 8) * 12}px`,
    }),
    h(
      "span",
      { class: "lane", "aria-hidden": "true" },
      styled(h("span", { class: `bar hue-0 ${each.error ? "error" : ""}` }), {
        left: part(each.start),
        width: `${((each.end - each.start) / (last - first)) * 100}%`,
      }),
    ),
    h("span", { class: "number faint" }, took),
  );
}

function exception(event) {
  if (event.name !== "exception") return null;
  const said = attributes(event.attributes);
  const short = `${said.get("exception.type") ?? "exception"}: ${said.get("exception.message") ?? ""}`;
  const text = visible(said.get("exception.stacktrace") ?? short);
  return h("pre", { class: "block bad-text", tabindex: 0, role: "listitem", "aria-label": "What it ended in" }, text);
}
