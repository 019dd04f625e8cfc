// The logs of one job.

import { add, button, empty, fill, h } from "./dom.js";
import { call, id } from "./api.js";
import { count, counted } from "./format.js";
import { grow } from "./grow.js";
import { LEVELS, record, recordRow } from "./record.js";
import { seldom } from "./seldom.js";

const PAGE = 200;
/** How often levels are counted, out of more records than a page has. */
const COUNT_MS = 3000;

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

/** The levels chosen in an address; none for all. */
export function chosenLevels(query) {
  const named = query.getAll("level").map((each) => each.toUpperCase());
  return new Set(named.filter((each) => LEVELS.includes(each)));
}

/** Chooses a level, or no longer; the address says so too. */
export function flipLevel(query, chosen, level) {
  if (!chosen.delete(level)) chosen.add(level);
  query.delete("level");
  chosen.forEach((each) => query.append("level", each.toLowerCase()));
}

/** The logs of one job. */
export function jobLogs(page, body) {
  const { query, key, signal } = page;
  const chosen = chosenLevels(query);
  let runner = query.get("runner") ?? "";
  let newest = query.get("order") === "new";
  const head = h("div", { class: "row wrap log-tools" });
  const list = h("div", { class: "log-list" });
  const end = h("div", { class: "list-end" }, "Reading …");
  fill(body, head, list, end);
  let [all, next, complete, counts] = [[], undefined, false, new Map()];
  // Where the last page began, and its records as they came: it is read again to see whether it grew.
  let [from, last] = [undefined, []];
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
        flipLevel(query, chosen, each);
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
    [from, last] = [next, []];
    take(answer);
    tools();
    tell();
    return !complete;
  };
  /** Puts the last page, read anew, in place of what it was. Answers whether that changed anything. */
  const take = (answer) => {
    const page = answer.resourceLogs ?? [];
    const texts = page.map((each) => JSON.stringify(each));
    const grown = last.every((text, at) => text === texts[at]);
    if (!grown) all.splice(all.length - last.length);
    const fresh = page.slice(grown ? last.length : 0).map(record);
    all.push(...fresh);
    if (grown) add(list, rows(fresh));
    else fill(list, rows(all));
    last = texts;
    next = answer.nextPage?.startingAfter;
    const changed = !grown || fresh.length > 0 || complete !== !next;
    complete = !next;
    return changed;
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
    [all, next, complete, last] = [[], undefined, false, []];
    fill(list);
    await growing.read();
  };
  growing.read();
  const counting = seldom(COUNT_MS, countLevels);
  counting.now().catch(() => {});
  return {
    end: () => {
      ended.abort();
      counting.end();
    },
    refresh: async () => {
      // With the oldest first only the end grows; with the newest first the beginning does, until somebody reads on.
      if (newest ? all.length <= PAGE : complete) {
        const shown = all;
        const answer = await read(PAGE, from, [...chosen]);
        if (shown === all && !growing.reading()) {
          if (take(answer)) tell();
          if (!newest && !complete) growing.goOn();
        }
      }
      if (!partial) await counting.refresh();
    },
  };
}
