// The runners of a cluster: what they can execute, whether they work, when they asked last.

import { h } from "./dom.js";
import { ago, count, counted, instant, time, visible } from "./format.js";
import { firstRunner } from "./start.js";

/** Identifiers named at first. */
const NAMED_MAX = 6;

/** The runners of a cluster, or how to start one. `opened` remembers which lists of identifiers are open. */
export function seenRunners(cluster, groups, opened) {
  if (groups.length === 0) return noRunner(cluster, opened);
  const sum = (name) => groups.reduce((total, group) => total + Number(group[name] ?? 0), 0);
  return h(
    "div",
    { class: "runners" },
    groups.length > 1 &&
      h(
        "p",
        { class: "runner-sum" },
        h("b", {}, `${count(sum("idle"))} idle, ${count(sum("busy"))} busy`),
        " together",
      ),
    groups.map((group) => runnerRow(group, groups, opened)),
  );
}

function noRunner(cluster, opened) {
  return h(
    "div",
    {},
    h("p", { class: "faint" }, "No runner asked here in the last minute: its tasks wait."),
    remembered(`none ${cluster.slug}`, "How to start one", firstRunner(cluster.deletable ? cluster.slug : ""), opened),
  );
}

function remembered(name, summary, content, opened) {
  return h(
    "details",
    {
      open: opened.has(name),
      ontoggle: (event) => (event.target.open ? opened.add(name) : opened.delete(name)),
    },
    h("summary", {}, summary),
    content,
  );
}

/** What the runners of a group can execute: first what tells them from the other groups of the cluster. */
function identifiers(group, groups) {
  const names = (each) => (each.identifiers ?? []).map(({ name, version }) => `${visible(name)} ${visible(version)}`);
  const of = groups.map((each) => new Set(names(each)));
  const known = (name) => of.filter((set) => set.has(name)).length;
  return names(group).sort((one, other) => known(one) - known(other));
}

/** Runners of one cluster with the same identifiers. */
function runnerRow(group, groups, opened) {
  const names = identifiers(group, groups);
  const tags = (list) =>
    h(
      "span",
      { class: "tags" },
      list.map((name) => h("span", { class: "tag code" }, name)),
    );
  const [idle, busy] = [Number(group.idle ?? 0), Number(group.busy ?? 0)];
  const asked = instant(group.lastAskedAt);
  return h(
    "div",
    { class: "runner-row" },
    h(
      "p",
      { class: "row wrap" },
      h("span", { class: `dot ${busy ? "busy" : idle ? "idle" : ""}`, "aria-hidden": "true" }),
      h("b", {}, `${count(idle)} idle, ${count(busy)} busy`),
      h("span", {}, counted(names.length, "kind of task", "kinds of task")),
      h("span", { class: "faint" }, "last asked ", time(asked), ` (${ago(asked)})`),
    ),
    tags(names.slice(0, NAMED_MAX)),
    names.length > NAMED_MAX &&
      remembered(names.join(" "), `${count(names.length - NAMED_MAX)} more`, tags(names.slice(NAMED_MAX)), opened),
    names.length === 0 && h("span", { class: "faint" }, "asks for no tasks"),
  );
}
