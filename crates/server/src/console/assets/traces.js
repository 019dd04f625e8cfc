// Traces of all jobs: what runners executed, the newest or the slowest, or what ended in errors.

import { add, button, empty, fill, h, styled } from "./dom.js";
import { isUuid } from "./api.js";
import { count, counted, span as duration, time, visible } from "./format.js";
import { spanOf } from "./execution.js";
import { grow } from "./grow.js";
import { findTasks, querySpans, taskAddress } from "./insight.js";
import { hasRange, interval, rangeFields } from "./range.js";
import { attributes } from "./record.js";
import { icon } from "./states.js";

const PAGE = 100;
/** Shortest lengths to choose from: name in the address, the duration of the API, text. */
const LENGTHS = [
  ["", "", "Of any length"],
  ["100ms", "0.1s", "100 ms or longer"],
  ["1s", "1s", "1 s or longer"],
  ["10s", "10s", "10 s or longer"],
  ["1m", "60s", "1 min or longer"],
  ["10m", "600s", "10 min or longer"],
  ["1h", "3600s", "1 h or longer"],
];
const ORDERS = [
  ["", "Newest first"],
  ["slowest", "Slowest first"],
];

/** What the address asks for. */
function requestOf(query, after) {
  const range = interval(query);
  const least = LENGTHS.find(([name]) => name === query.get("least"))?.[1];
  return {
    ...(range && { timeInterval: range }),
    order: query.get("order") === "slowest" ? "SPAN_ORDER_SLOWEST" : "SPAN_ORDER_NEWEST",
    tasks: query.get("spans") !== "all",
    errors: query.get("errors") === "1",
    ...(least && { atLeast: least }),
    ...(query.get("runner") && { runner: query.get("runner") }),
    page: { limit: PAGE, ...(after && { startingAfter: after }) },
  };
}

/** The page. */
export async function show(context) {
  const { view, query, signal } = context;
  if (!hasRange(query)) query.set("range", "24h");
  const change = (name, value) => {
    const next = new URLSearchParams(query);
    next.delete(name);
    if (value) next.set(name, value);
    open(next);
  };
  const open = (next) => context.go(`/workflows/traces?${next}`, { replace: true });
  const pick = (name, label, options) =>
    h(
      "select",
      { "aria-label": label, onchange: (event) => change(name, event.target.value) },
      options.map(([value, , text]) => h("option", { value, selected: value === (query.get(name) ?? "") }, text)),
    );
  const chip = (name, on, text, title) =>
    button(text, () => change(name, query.get(name) === on ? "" : on), {
      class: "chip",
      title,
      "aria-pressed": String(query.get(name) === on),
    });
  const runners = h("span");
  const list = h("div", { class: "span-list", role: "group", "aria-label": "Spans" });
  const end = h("div", { class: "list-end", "aria-live": "polite" }, "Reading …");
  fill(
    view,
    h(
      "div",
      { class: "head" },
      h("h1", {}, "Traces"),
      h("span", { class: "grow" }),
      button("Read again", () => open(query)),
    ),
    h(
      "p",
      { class: "faint" },
      "Each execution of a task is a span, told by the runner a few seconds after it ended. A span leads to its task.",
    ),
    h(
      "div",
      { class: "filters row wrap" },
      rangeFields(query, { label: "Time" }, open),
      pick(
        "order",
        "Order",
        ORDERS.map(([value, text]) => [value, "", text]),
      ),
      pick("least", "Length", LENGTHS),
      runners,
      h(
        "div",
        { class: "chips", role: "group", "aria-label": "Spans" },
        chip("errors", "1", "errors only", "Spans that ended in an error"),
        chip("spans", "all", "steps too", "Also spans within tasks, which tasks made themselves"),
      ),
    ),
    h(
      "div",
      { class: "span-line job-head", "aria-hidden": "true" },
      h("span"),
      h("span", {}, "Task"),
      h("span", { class: "span-job" }, "Job"),
      h("span", { class: "wide" }, "Runner"),
      h("span", { class: "wide" }),
      h("span", { class: "number" }, "Length"),
      h("span", { class: "job-when" }, "Began"),
    ),
    list,
    end,
  );
  const known = new Map();
  const chooseRunner = (spans) => {
    for (const each of spans) if (each.instanceId) known.set(each.instanceId, each.runner);
    const chosen = query.get("runner");
    if (chosen && !known.has(chosen)) known.set(chosen, chosen.slice(0, 8));
    fill(
      runners,
      pick("runner", "Runner", [["", "", "All runners"], ...[...known].map(([id, name]) => [id, "", visible(name)])]),
    );
  };

  let [next, total, lookedAt, longest] = [undefined, 0, 0, 0];
  const more = async () => {
    const answer = await querySpans(requestOf(query, next), signal);
    const spans = (answer.resourceSpans ?? []).map(spanOf);
    const found = await findTasks(spans.map((each) => each.task).filter(isUuid), signal);
    longest = Math.max(longest, ...spans.map((each) => each.end - each.start));
    add(
      list,
      spans.map((each) => spanRow(each, found.get(each.task))),
    );
    styled(list, { "--longest": String(longest || 1) });
    chooseRunner(spans);
    total += spans.length;
    lookedAt += Number(answer.lookedAt ?? 0);
    next = answer.nextPage?.startingAfter;
    fill(end, next ? `${counted(lookedAt, "span")} looked at` : total === 0 ? nothing() : told());
    return Boolean(next);
  };
  const nothing = () =>
    empty(
      "No such spans in this time",
      lookedAt
        ? `${counted(lookedAt, "span")} of this time are none of those. Take a filter away, or look at a longer time.`
        : "Runners send spans by themselves once they execute tasks. Look at a longer time.",
    );
  const told = () => counted(total, "span") + (lookedAt > total ? ` among the newest ${count(lookedAt)}` : "");
  await grow(end, more, signal).read();
}

/** Why a span ended in an error: what its last exception says, else its status. */
function reason(each) {
  const last = each.events.filter((event) => event.name === "exception").at(-1);
  return (last && attributes(last.attributes).get("exception.message")) || each.said;
}

/** A span as a line, which leads to its task if that is known. */
function spanRow(each, found) {
  const took = duration(each.end - each.start);
  const name = visible(each.name.replace(/^task\//, ""));
  const display = found && visible((found.display ?? "").split("\n")[0]);
  const state = each.error ? "FAILED" : "COMPUTED";
  const said = each.error && visible(reason(each));
  return h(
    found ? "a" : "div",
    {
      class: "span-line",
      ...(found && { href: taskAddress(found), "data-row": true }),
      title: [name, took, visible(each.runner), said].filter(Boolean).join("\n"),
    },
    icon(state),
    h(
      "span",
      { class: "span-what" },
      h("b", { class: "clip" }, display || name),
      display && display !== name && h("code", { class: "clip faint" }, name),
      said && h("span", { class: "clip bad-text" }, said),
    ),
    h("span", { class: "clip faint span-job" }, found ? visible(found.jobName) : "–"),
    h("span", { class: "clip faint wide" }, visible(each.runner)),
    h(
      "span",
      { class: `span-length ${each.error ? "error" : ""}` },
      styled(h("span"), { "--took": String(each.end - each.start) }),
    ),
    h("span", { class: "number" }, took),
    h("span", { class: "job-when" }, time(each.start)),
  );
}
