// The logs of all jobs, by time and level; each line leads to the job and task that wrote it.

import { add, button, empty, fill, h } from "./dom.js";
import { call, isUuid } from "./api.js";
import { counted } from "./format.js";
import { grow } from "./grow.js";
import { findTasks } from "./insight.js";
import { chosenLevels, flipLevel, levelChips } from "./logs.js";
import { hasRange, interval, rangeFields } from "./range.js";
import { placeRows, record, recordRow } from "./record.js";

const PAGE = 200;

/** The logs of all jobs. */
export async function show(context) {
  const { view, query, signal } = context;
  if (!hasRange(query)) query.set("range", "1h");
  const chosen = chosenLevels(query);
  const range = interval(query) ?? {};
  range.endTime ??= new Date(Date.now() + 60e3).toISOString();
  const reopen = () => context.go(`/workflows/logs?${query}`, { replace: true });
  const chips = h("div");
  const list = h("div", { class: "log-list placed" });
  const end = h("div", { class: "list-end", "aria-live": "polite" }, "Reading …");
  fill(
    view,
    h("div", { class: "head" }, h("h1", {}, "Logs"), h("span", { class: "grow" }), button("Read again", reopen)),
    h(
      "div",
      { class: "filters row wrap" },
      rangeFields(query, { label: "Time" }, (next) => context.go(`/workflows/logs?${next}`, { replace: true })),
      chips,
    ),
    list,
    end,
  );
  const toggle = (each) => {
    flipLevel(query, chosen, each);
    reopen();
  };
  const counts = await call("TelemetryQueryService/GetLogMessageCounts", { timeInterval: range }, { signal });
  const found = new Map(
    (counts.counts ?? []).map((entry) => [entry.severity?.replace("LOG_SEVERITY_GROUP_", ""), Number(entry.count)]),
  );
  fill(chips, levelChips(found, false, chosen, toggle));
  let [next, total] = [undefined, 0];
  const more = async () => {
    const answer = await call(
      "TelemetryQueryService/QueryLogsInInterval",
      {
        timeInterval: range,
        page: { limit: PAGE, ...(next && { startingAfter: next }) },
        sortDirection: "SORT_DIRECTION_DESCENDING",
        filters: { severityLevels: [...chosen].map((each) => `LOG_SEVERITY_GROUP_${each}`) },
      },
      { signal },
    );
    const logs = (answer.resourceLogs ?? []).map(record);
    total += logs.length;
    add(
      list,
      logs.map((log) => recordRow(log)),
    );
    const tasks = logs.map((log) => log.attributes.get("task_id")).filter(isUuid);
    findTasks(tasks, signal)
      .then((found) => placeRows(list, found))
      .catch(() => {});
    next = answer.nextPage?.startingAfter;
    fill(end, total === 0 ? nothing() : next ? "" : counted(total, "line"));
    return Boolean(next);
  };
  await grow(end, more, signal).read();
}

function nothing() {
  return empty(
    "No logs in this time",
    "What tasks write to their logger appears here. Look at a longer time, or choose other levels.",
  );
}
