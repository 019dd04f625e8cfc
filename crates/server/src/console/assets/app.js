// The shell: which page an address shows, navigation, appearance, keys.

import { button, failure, fill, h, link } from "./dom.js";
import { isAbort } from "./api.js";
import * as logs from "./all-logs.js";
import { switcher } from "./appearance.js";
import * as clusters from "./clusters.js";
import * as editor from "./editor.js";
import * as find from "./find.js";
import * as job from "./job.js";
import * as jobs from "./jobs.js";
import { watchServer } from "./reach.js";
import * as traces from "./traces.js";

const ROUTES = [
  [/^\/workflows\/jobs\/?$/, jobs.show, "Jobs"],
  [/^\/workflows\/jobs\/new\/?$/, editor.showNew, "New job"],
  [/^\/workflows\/jobs\/([0-9a-fA-F-]{32,36})\/clone\/?$/, editor.showClone, "Clone"],
  [/^\/workflows\/jobs\/([0-9a-fA-F-]{32,36})\/?$/, job.show, "Job"],
  [/^\/workflows\/clusters\/?$/, clusters.show, "Clusters"],
  [/^\/workflows\/logs\/?$/, logs.show, "Logs"],
  [/^\/workflows\/traces\/?$/, traces.show, "Traces"],
  [/^\/workflows\/find\/([0-9a-fA-F-]{32,36})\/?$/, find.show, "Find"],
];
const NAVIGATION = [
  ["/workflows/jobs", "Jobs"],
  ["/workflows/clusters", "Clusters"],
  ["/workflows/logs", "Logs"],
  ["/workflows/traces", "Traces"],
];
const KEYS = [
  ["/", "find jobs by name, jobs and tasks by their id"],
  ["j  k", "next, previous row; in a tree also ↓  ↑"],
  ["Enter", "open the row"],
  ["→  ←", "open, close a branch of the task tree"],
  ["n", "new job"],
  ["g", "to the list of jobs"],
  ["Esc", "close what is open"],
  ["?", "this help"],
];

const view = document.getElementById("view");
let leave = () => {};

/** Goes to an address of the console. */
export function go(address, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  show();
}

/** Changes the query of the address without leaving the page. */
function setQuery(query) {
  const text = query.toString();
  history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
}

async function show() {
  leave();
  const end = new AbortController();
  const ends = [() => end.abort()];
  leave = () => ends.forEach((each) => each());
  fill(view);
  window.scrollTo(0, 0);
  const path = location.pathname;
  for (const element of document.querySelectorAll("#nav a")) {
    const here = path === element.getAttribute("href") || path.startsWith(`${element.getAttribute("href")}/`);
    if (here) element.setAttribute("aria-current", "page");
    else element.removeAttribute("aria-current");
  }
  const found = ROUTES.map(([pattern, page, title]) => [pattern.exec(path), page, title]).find(([match]) => match);
  if (!found) {
    document.title = "Not found · Boxwood";
    fill(
      view,
      failure({ title: "There is no such page", message: `The console has nothing at ${path}.` }),
      h("p", { class: "center" }, link("/workflows/jobs", { class: "button" }, "To the jobs")),
    );
    return;
  }
  const [match, page, title] = found;
  document.title = `${title} · Boxwood`;
  const context = {
    view,
    id: match[1]?.toLowerCase(),
    query: new URLSearchParams(location.search),
    setQuery,
    go,
    signal: end.signal,
    onLeave: (each) => ends.push(each),
  };
  try {
    await page(context);
  } catch (error) {
    if (isAbort(error)) return;
    if (!end.signal.aborted) fill(view, failure(error, show));
  }
}

function help() {
  if (document.querySelector("dialog.help")) return;
  const box = h(
    "dialog",
    { class: "dialog help", "aria-label": "Keys", onclose: () => box.remove() },
    h("h2", {}, "Keys"),
    h(
      "dl",
      { class: "keys" },
      KEYS.map(([key, what]) => [
        h(
          "dt",
          {},
          key.split("  ").map((each) => h("kbd", {}, each)),
        ),
        h("dd", {}, what),
      ]),
    ),
    h(
      "div",
      { class: "row end" },
      button("Close", () => box.close(), { class: "primary" }),
    ),
  );
  document.body.append(box);
  box.showModal();
}

/** Moves among the rows of the page, `[data-row]`, as j and k do. */
function move(step) {
  const rows = Array.from(document.querySelectorAll("[data-row]")).filter((row) => row.offsetParent !== null);
  if (rows.length === 0) return;
  const at = rows.indexOf(document.activeElement?.closest("[data-row]"));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (event.key === "Escape") {
    if (event.target.matches?.("input, textarea, select")) event.target.blur();
    else if (!document.querySelector("dialog[open]")) document.dispatchEvent(new CustomEvent("escape"));
    return;
  }
  if (typing) return;
  const keys = {
    "/": () => {
      const field = document.getElementById("search");
      field.focus();
      field.select();
    },
    "?": help,
    j: () => move(1),
    k: () => move(-1),
    g: () => go("/workflows/jobs"),
    n: () => go("/workflows/jobs/new"),
  };
  const action = keys[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("a[href]");
  if (!target || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  const address = new URL(target.href);
  if (address.origin !== location.origin || !address.pathname.startsWith("/workflows/") || target.target) return;
  event.preventDefault();
  go(address.pathname + address.search);
});
window.addEventListener("popstate", show);
// A page that failed has nothing to lose; others catch up by themselves.
watchServer(() => {
  if (view.querySelector(".empty.bad")) show();
});

fill(
  document.getElementById("nav"),
  NAVIGATION.map(([address, name]) => link(address, {}, name)),
);
fill(
  document.getElementById("tools"),
  find.search(go),
  h("div", { class: "row" }, switcher(), button("Keys", help, { class: "quiet", title: "Keys (?)" })),
);
show();
