// The picture of a job, drawn by the server, shown as an image: nothing in it can run. Its boxes lead to their tasks.

import { button, failure, fill, h } from "./dom.js";
import { isDark } from "./appearance.js";
import { boxes } from "./boxes.js";
import { bytes, call, id, isAbort } from "./api.js";
import { utf8 } from "./format.js";
import { seldom } from "./seldom.js";

/** A drawing of a large job costs more than a look at it. */
const PAUSE_MS = 5000;

/** The view. */
export function diagram(page, body) {
  const { key, signal, query } = page;
  const options = {
    direction: query.get("direction") ?? "down",
    layout: query.get("layout") ?? "dagre",
    sketchy: query.get("sketchy") === "1",
  };
  let [address, drawn, whole] = [null, "", true];
  const image = h("img", { class: "drawing", alt: "" });
  const frame = h("div", { class: "drawing-frame fit", tabindex: 0, "aria-label": "Diagram of the job" });
  const save = h(
    "a",
    { class: "button quiet", download: `${page.job.name.replace(/[^\w.-]+/g, "-").slice(0, 60)}.svg`, href: "#" },
    "Save as SVG",
  );
  const read = async () => {
    const answer = await call(
      "JobService/VisualizeJob",
      {
        jobId: id(key),
        renderOptions: { layout: options.layout, direction: options.direction, sketchy: options.sketchy, padding: 12 },
        theme: isDark() ? "WORKFLOW_DIAGRAM_THEME_CONSOLE_DARK" : "WORKFLOW_DIAGRAM_THEME_CONSOLE_LIGHT",
      },
      { signal, headers: { "boxwood-fold": "true" } },
    );
    if (answer.svg === drawn) return;
    drawn = answer.svg;
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([bytes(drawn)], { type: "image/svg+xml" }));
    image.src = address;
    image.alt = `Diagram of ${page.job.name}; the view “Tasks” has the same as a tree`;
    save.href = address;
    fill(frame, h("div", { class: "sheet" }, image, boxes(utf8(bytes(drawn)), page.openTask)));
  };
  const drawing = seldom(PAUSE_MS, read);
  const again = () =>
    drawing.now().catch((error) => {
      if (!isAbort(error)) fill(frame, failure(error, again));
    });
  const choose = (name, values, label) =>
    h(
      "select",
      {
        "aria-label": label,
        onchange: (event) => {
          options[name] = event.target.value;
          query.set(name, event.target.value);
          page.setQuery(query);
          again();
        },
      },
      values.map(([value, text]) => h("option", { value, selected: options[name] === value }, text)),
    );
  const size = button(
    "Actual size",
    () => {
      whole = !whole;
      frame.classList.toggle("fit", whole);
      size.textContent = whole ? "Actual size" : "Fit the window";
    },
    { class: "quiet" },
  );

  fill(
    body,
    h(
      "div",
      { class: "row wrap log-tools" },
      choose(
        "direction",
        [
          ["down", "Downwards"],
          ["right", "To the right"],
          ["up", "Upwards"],
          ["left", "To the left"],
        ],
        "Direction",
      ),
      choose(
        "layout",
        [
          ["dagre", "Curved arrows"],
          ["elk", "Right-angled arrows"],
        ],
        "Arrows",
      ),
      h(
        "label",
        { class: "check" },
        h("input", {
          type: "checkbox",
          checked: options.sketchy,
          onchange: (event) => {
            options.sketchy = event.target.checked;
            if (options.sketchy) query.set("sketchy", "1");
            else query.delete("sketchy");
            page.setQuery(query);
            again();
          },
        }),
        "hand-drawn",
      ),
      h("span", { class: "grow" }),
      size,
      save,
    ),
    frame,
  );
  fill(frame, h("p", { class: "faint" }, "Drawing …"));
  again();
  document.addEventListener("appearance", again);
  return {
    refresh: drawing.refresh,
    end: () => {
      drawing.end();
      document.removeEventListener("appearance", again);
      if (address) URL.revokeObjectURL(address);
    },
  };
}
