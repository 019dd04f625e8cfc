// A time range: a quick choice (`range=1h`), or `from` and `to`, in the address and as fields.

import { h } from "./dom.js";

/** Quick choices: name in the address, hours, text. */
const QUICK = [
  ["1h", 1, "Last hour"],
  ["24h", 24, "Last day"],
  ["7d", 168, "Last 7 days"],
  ["30d", 720, "Last 30 days"],
];
const NAMES = ["range", "from", "to"];
/** How far clocks of runners may be ahead. */
const AHEAD_MS = 60_000;

/** Whether an address has a time range. */
export function hasRange(query) {
  return NAMES.some((name) => query.has(name));
}

/** The time interval of an address; undefined for any time. */
export function interval(query) {
  const quick = QUICK.find(([name]) => name === query.get("range"));
  if (quick) return { startTime: new Date(Date.now() - quick[1] * 3600e3).toISOString() };
  const [from, to] = [Date.parse(query.get("from")), Date.parse(query.get("to"))];
  if (Number.isNaN(from) && Number.isNaN(to)) return undefined;
  return {
    startTime: new Date(Number.isNaN(from) ? 0 : from).toISOString(),
    endTime: new Date(Number.isNaN(to) ? Date.now() + AHEAD_MS : to).toISOString(),
  };
}

/** A moment as fields of the type datetime-local have it: in the zone of the viewer. */
function local(ms) {
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * 60e3);
  return shifted.toISOString().slice(0, 16);
}

/**
 * The fields. `changed` is called with the new query once a range is chosen; `any` is the text of the choice of any
 * time, if there is one.
 */
export function rangeFields(query, { label, any }, changed) {
  const chosen = query.get("range") ?? (query.has("from") || query.has("to") ? "own" : "");
  const own = h("span", { class: "row wrap", hidden: chosen !== "own" });
  const wrong = h("span", { class: "bad-text", role: "alert" });
  const field = (name, text, fallback) => {
    const given = Date.parse(query.get(name));
    const input = h("input", {
      type: "datetime-local",
      value: Number.isNaN(given) ? (chosen === "own" ? "" : local(fallback)) : local(given),
      onchange: () => apply(),
    });
    return [input, h("label", { class: "row" }, h("span", { class: "faint" }, text), input)];
  };
  const [from, fromField] = field("from", "From", Date.now() - 3600e3);
  const [to, toField] = field("to", "to", Date.now());
  const apply = () => {
    const [start, end] = [Date.parse(from.value), Date.parse(to.value)];
    if (start > end) {
      wrong.textContent = "“From” is later than “to”.";
      return;
    }
    const next = new URLSearchParams(query);
    NAMES.forEach((name) => next.delete(name));
    if (!Number.isNaN(start)) next.set("from", new Date(start).toISOString());
    if (!Number.isNaN(end)) next.set("to", new Date(end).toISOString());
    if (next.has("from") || next.has("to")) changed(next);
  };
  own.append(fromField, toField, wrong);
  const choices = [...(any ? [["", any]] : []), ...QUICK.map(([name, , text]) => [name, text]), ["own", "From … to …"]];
  const pick = h(
    "select",
    {
      "aria-label": label,
      onchange: (event) => {
        own.hidden = event.target.value !== "own";
        if (!own.hidden) {
          from.focus();
          return;
        }
        const next = new URLSearchParams(query);
        NAMES.forEach((name) => next.delete(name));
        if (event.target.value) next.set("range", event.target.value);
        changed(next);
      },
    },
    choices.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
  return h("span", { class: "row wrap range" }, pick, own);
}
