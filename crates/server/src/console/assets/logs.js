// The logs of one job.

import { add, button, empty, fill, h } from "./dom.js";
import { call, id } from "./api.js";
import { count, counted } from "./format.js";
import { grow } from "./grow.js";
import { LEVELS, record, recordRow } from "./record.js";

const PAGE = 200;

/** Chips that choose levels, with how many records each has. */
export function levelChips(counts, partial, chosen, pick) {
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": "Levels" },
    [...LEVELS]
      .reverse()
      .map((each) =>
        button(
          [
            h("span", { class: `level-dot level-${each}` }),
            each.toLowerCase(),
            h("span", { class: "chip-count" }, count(counts.get(each) ?? 0), partial && counts.get(each) ? "+" : ""),
          ],
          () => pick(each),
          { class: "chip", "aria-pressed": String(chosen.has(each)) },
        ),
      ),
  );
}

/** The logs of one job. */
export function jobLogs(page, body) {
  const { query, key, signal } = page;
  const chosen = new Set(
    query
      .getAll("level")
      .map((each) => each.toUpperCase())
      .filter((each) => LEVELS.includes(each)),
  );
  let runner = query.get("runner") ?? "";
  let newest = query.get("order") === "new";
  const head = h("div", { class: "row wrap log-tools" });
  const list = h("div", { class: "log-list" });
  const end = h("div", { class: "list-end" }, "Reading …");
  fill(body, head, list, end);
  let [all, next, complete, counts] = [[], undefined, false, new Map()];
  let partial = false;

  const read = (limit, after, levels) =>
    call(
      "TelemetryQueryService/QueryJobLogs",
      {
        jobId: id(key),
        page: { limit, ...(after && { startingAfter: after }) },
        sortDirection: newest ? "SORT_DIRECTION_DESCENDING" : "SORT_DIRECTION_ASCENDING",
        filters: { severityLevels: levels.map((each) => `LOG_SEVERITY_GROUP_${each}`) },
      },
      { signal },
    );
  const tools = () => {
    const runners = new Map(all.map((log) => [log.instance, log.runner]));
    fill(
      head,
      levelChips(counts, partial, chosen, (each) => {
        if (!chosen.delete(each)) chosen.add(each);
        query.delete("level");
        chosen.forEach((level) => query.append("level", level.toLowerCase()));
        again();
      }),
      h(
        "select",
        {
          "aria-label": "Runner",
          onchange: (event) => {
            runner = event.target.value;
            query.delete("runner");
            if (runner) query.set("runner", runner);
            page.setQuery(query);
            redraw();
          },
        },
        h("option", { value: "" }, `All runners (${count(runners.size)})`),
        [...runners].map(([instance, name]) => h("option", { value: instance, selected: instance === runner }, name)),
      ),
      button(
        newest ? "Newest first" : "Oldest first",
        () => {
          newest = !newest;
          if (newest) query.set("order", "new");
          else query.delete("order");
          again();
        },
        { class: "quiet", title: "Turn the order around" },
      ),
    );
  };
  const rows = (logs) =>
    logs
      .filter((log) => !runner || log.instance === runner)
      .map((log) => recordRow(log, (task) => page.openTask(task)));
  const redraw = () => {
    fill(list, rows(all));
    tell();
  };
  const tell = () => {
    const told = {
      none: chosen.size
        ? empty("No logs at these levels", "Choose other levels above.")
        : empty("No logs yet", "What tasks write to their logger appears here within a few seconds."),
    };
    fill(
      end,
      all.length === 0 ? told.none : complete ? counted(all.length, "line") : button("Show more", growing.read),
    );
  };
  const more = async () => {
    const answer = await read(PAGE, next, [...chosen]);
    const logs = (answer.resourceLogs ?? []).map(record);
    all.push(...logs);
    add(list, rows(logs));
    next = answer.nextPage?.startingAfter;
    complete = !next;
    tools();
    tell();
    return !complete;
  };
  const ended = new AbortController();
  const growing = grow(end, more, AbortSignal.any([signal, ended.signal]));
  const countLevels = async () => {
    const answer = await read(1000, undefined, []);
    counts = new Map();
    for (const entry of answer.resourceLogs ?? []) {
      const of = record(entry).level;
      counts.set(of, (counts.get(of) ?? 0) + 1);
    }
    partial = Boolean(answer.nextPage?.startingAfter);
    tools();
  };
  const again = async () => {
    page.setQuery(query);
    [all, next, complete] = [[], undefined, false];
    fill(list);
    await growing.read();
  };
  growing.read();
  countLevels().catch(() => {});
  return {
    end: () => ended.abort(),
    refresh: async () => {
      // Only the end of the list grows; a list with newest first starts anew while it is short.
      if (!newest && complete && all.length < 5000) {
        const answer = await read(1000, undefined, [...chosen]);
        const logs = (answer.resourceLogs ?? []).map(record);
        if (logs.length > all.length) {
          const fresh = logs.slice(all.length);
          all.push(...fresh);
          add(list, rows(fresh));
          tell();
        }
      } else if (newest && all.length <= PAGE) {
        await again();
      }
      if (!partial) await countLevels();
    },
  };
}
