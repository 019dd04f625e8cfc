// The boxes of a diagram that are single tasks, as buttons over its picture (V-22).

import { h, styled } from "./dom.js";
import { visible } from "./format.js";
import { words } from "./states.js";

/** Buttons over more boxes than these would only slow the page down; the tree of tasks has them all. */
const BOXES_MAX = 1000;

/** Reads a picture and answers its buttons; the picture itself is never put into the page. */
export function boxes(svg, open) {
  const picture = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const [left, top, width, height] = (picture.getAttribute("viewBox") ?? "").split(" ").map(Number);
  const found = [...picture.querySelectorAll("g.task[data-task]")];
  if (!(width > 0 && height > 0) || found.length > BOXES_MAX) return [];
  const share = (part, whole) => `${(100 * part) / whole}%`;
  return found.map((box) => {
    const { x, y, wide, high } = place(box);
    const task = box.getAttribute("data-task");
    const label = visible(box.querySelector("tspan")?.textContent ?? "task");
    const state = words((box.getAttribute("data-state") ?? "").toUpperCase());
    return styled(
      h("button", {
        type: "button",
        class: "box",
        "data-task": task,
        title: `${label}: ${state}`,
        "aria-label": `${label}, ${state}: open the task`,
        onclick: () => open(task),
      }),
      {
        left: share(x - left, width),
        top: share(y - top, height),
        width: share(wide, width),
        height: share(high, height),
      },
    );
  });
}

/** Where a box is in the picture: its outline, moved as the groups around it are. */
function place(box) {
  const outline = box.querySelector("rect, path");
  const { left, top, right, bottom } = outline ? bounds(outline) : { left: 0, top: 0, right: 0, bottom: 0 };
  let [x, y] = [left, top];
  for (let group = outline; group instanceof SVGElement; group = group.parentNode) {
    const [, across, down] = /^translate\(([-\d.]+)[ ,]+([-\d.]+)\)$/.exec(group.getAttribute("transform") ?? "") ?? [];
    x += Number(across ?? 0);
    y += Number(down ?? 0);
  }
  return { x, y, wide: right - left, high: bottom - top };
}

/** The corners of a rectangle, or of a line drawn by hand. */
function bounds(outline) {
  if (outline.tagName === "rect") {
    const [left, top, wide, high] = ["x", "y", "width", "height"].map((name) => Number(outline.getAttribute(name)));
    return { left, top, right: left + wide, bottom: top + high };
  }
  const numbers = outline.getAttribute("d").match(/-?[\d.]+/g).map(Number);
  const [xs, ys] = [0, 1].map((axis) => numbers.filter((_, at) => at % 2 === axis));
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}
