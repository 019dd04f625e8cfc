// The tree of a job's tasks: branches are read when they are opened, a page at a time.

import { button, empty, failure, fill, h, styled } from "./dom.js";
import { bytes, call, id, isAbort, uuid } from "./api.js";
import { count, instant, span, time, utf8, visible } from "./format.js";
import { clusterName } from "./names.js";
import { rove } from "./rove.js";
import { icon, taskState, words } from "./states.js";

const PAGE = 100;
/** Children read again at most when the job changed; the API gives no larger page. */
const AGAIN_MAX = 1000;
/** Open branches read again at most in one go; the others wait for the next change. */
const BRANCHES_MAX = 12;
/** Characters of an input that is shown beside the name. */
const HINT_MAX = 120;
const SETTLED = new Set(["COMPUTED", "SKIPPED", "FAILED_OPTIONAL"]);

/** How long a task ran, or has run so far. */
export function ran(task) {
  const start = instant(task.startedAt);
  if (Number.isNaN(start)) return Number.NaN;
  const state = taskState(task);
  const stop = instant(task.stoppedAt);
  if (state === "RUNNING") return Math.max(Date.now() - start, 0);
  return Number.isNaN(stop) ? Number.NaN : Math.max(stop - start, 0);
}

/** The lines of a display text: the first, and how many more. */
function label(task) {
  const [first, ...rest] = (task.display ?? "").split("\n");
  return visible(first || "(no name)") + (rest.length ? " …" : "");
}

/** The beginning of a short input: it tells apart tasks with the same name. */
function hint(task) {
  if (!task.input) return null;
  const text = utf8(bytes(task.input));
  if (!text || text.length > HINT_MAX) return null;
  return h("code", { class: "clip faint hint" }, visible(text));
}

/** The view. */
export function tree(page, body) {
  const { key, signal } = page;
  const list = h("div", { class: "tree", role: "tree", "aria-label": "Tasks" });
  fill(
    body,
    h(
      "div",
      { class: "task-row task-head", "aria-hidden": "true" },
      h("span", {}, "Task"),
      h("span", {}, "State"),
      h("span", { class: "wide" }, "Cluster"),
      h("span", { class: "wide" }, "Started"),
      h("span", { class: "number" }, "Ran"),
      h("span", { class: "number wide", title: "attempts that failed" }, "Failures"),
    ),
    list,
  );
  rove(list, "[role=treeitem]", ["ArrowDown", "ArrowUp", "Home", "End"]);
  const root = { level: 0, children: [], known: new Map(), open: true, place: list, next: undefined, key: null };

  const read = (node, limit, after) => {
    const request = { jobId: id(key), page: { limit, ...(after && { startingAfter: after }) } };
    if (node.key) request.parentTaskId = id(node.key);
    return call("JobService/ListJobTasks", request, { signal });
  };

  const draw = (node) => {
    const { task } = node;
    const state = taskState(task);
    const toggle = h(
      "span",
      {
        class: `toggle ${task.hasChildren ? "" : "none"}`,
        "aria-hidden": "true",
        onclick: (event) => {
          event.stopPropagation();
          flip(node);
        },
      },
      task.hasChildren ? (node.open ? "▾" : "▸") : "",
    );
    styled(toggle, { "margin-left": `${node.level * 18}px` });
    fill(
      node.row,
      h(
        "span",
        { class: "task-name" },
        toggle,
        icon(state),
        h("span", { class: "clip", title: visible(task.display ?? "") }, label(task)),
        task.optional && h("span", { class: "tag", title: "The job goes on if it fails" }, "optional"),
        hint(task),
      ),
      h("span", { class: `state-word state-${state}` }, words(state)),
      h("span", { class: "wide clip faint" }, clusterName(task.clusterSlug)),
      h("span", { class: "wide faint" }, time(instant(task.startedAt))),
      h("span", { class: "number" }, span(ran(task))),
      h("span", { class: "number wide faint" }, Number(task.retryCount ?? 0) ? count(task.retryCount) : "–"),
    );
    if (task.hasChildren) node.row.setAttribute("aria-expanded", String(node.open));
    else node.row.removeAttribute("aria-expanded");
  };

  const make = (task, parent) => {
    const node = {
      task,
      parent,
      key: uuid(task.id),
      level: parent === root ? 0 : parent.level + 1,
      children: [],
      known: new Map(),
      open: false,
    };
    node.row = h("div", {
      class: "task-row",
      role: "treeitem",
      tabindex: -1,
      "data-row": true,
      "aria-level": node.level + 1,
      onclick: () => page.openTask(node.key, node.task),
      onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") page.openTask(node.key, node.task);
        else if (event.key === "ArrowRight" && node.task.hasChildren && !node.open) flip(node);
        else if (event.key === "ArrowLeft" && node.open) flip(node);
        else if (event.key === "ArrowLeft" && parent.row) parent.row.focus();
        else return;
        event.preventDefault();
      },
    });
    node.place = h("div", { role: "group" });
    node.element = h("div", {}, node.row, node.place);
    draw(node);
    return node;
  };

  const ending = (node) => {
    if (!node.next) {
      node.more?.remove();
      node.more = null;
      return;
    }
    node.more ??= styled(
      h(
        "div",
        { class: "tree-more" },
        button("Show more tasks", () => more(node), { class: "small" }),
      ),
      { "margin-left": `${(node === root ? 0 : node.level + 1) * 18 + 24}px` },
    );
    // Moved only where it has to be: what is moved loses the keyboard.
    if (node.place.lastElementChild !== node.more) node.place.append(node.more);
  };

  const take = (node, tasks) => {
    for (const task of tasks) {
      const old = node.known.get(uuid(task.id));
      if (old) {
        if (JSON.stringify(old.task) !== JSON.stringify(task) || taskState(task) === "RUNNING") {
          old.task = task;
          draw(old);
        }
        continue;
      }
      const child = make(task, node);
      node.children.push(child);
      node.known.set(child.key, child);
      node.place.append(child.element);
    }
  };

  const more = async (node) => {
    try {
      const answer = await read(node, PAGE, node.next);
      node.next = answer.page?.nextPage?.startingAfter;
      take(node, answer.page?.tasks ?? []);
      ending(node);
    } catch (error) {
      if (!isAbort(error)) node.place.append(failure(error));
    }
  };

  const flip = async (node) => {
    if (!node.task.hasChildren) return;
    node.open = !node.open;
    node.place.hidden = !node.open;
    draw(node);
    if (node.open && node.children.length === 0) await more(node);
  };

  const settled = (node) =>
    (node === root || SETTLED.has(taskState(node.task))) &&
    !node.next &&
    node.children.length > 0 &&
    node.children.every((child) => SETTLED.has(taskState(child.task)));
  const branches = (node) => [node, ...node.children.filter((child) => child.open).flatMap(branches)];

  const start = async () => {
    await more(root);
    if (root.children.length === 0 && !signal.aborted) fill(list, empty("No tasks", "This job has none to show."));
    // One root is nearly always only the frame: what matters is below it.
    for (const child of root.children.slice(0, 3)) {
      if (root.children.length <= 3 && child.task.hasChildren) await flip(child);
    }
  };
  start();

  let from = 0;
  return {
    refresh: async () => {
      const open = branches(root).filter((node) => !settled(node));
      if (from >= open.length) from = 0;
      const turn = open.slice(from, from + BRANCHES_MAX);
      from += BRANCHES_MAX;
      for (const node of turn) {
        const limit = Math.min(Math.max(node.children.length, PAGE), AGAIN_MAX);
        const answer = await read(node, limit);
        const had = node.children.length;
        take(node, answer.page?.tasks ?? []);
        if (node.children.length > had || limit > had)
          node.next = answer.page?.nextPage?.startingAfter ?? (had > limit ? node.next : undefined);
        ending(node);
      }
      const lone = root.children.length === 1 ? root.children[0] : null;
      // A root that has just submitted its children opens by itself, once.
      if (lone && lone.task.hasChildren && !lone.seen && !lone.open) await flip(lone);
      if (lone?.task.hasChildren) lone.seen = true;
    },
  };
}
