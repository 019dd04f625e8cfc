// Elements. All text goes in as text: nothing a job, task or log says is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function build(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

/** Adds children; lists are flattened, nothing is left out, texts stay texts. */
export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child);
  }
  return element;
}

/** An element with attributes, listeners (`onclick`) and children. */
export function h(tag, properties, ...children) {
  return build(document.createElement(tag), properties, children);
}

/** As `h`, for drawings. */
export function svg(tag, properties, ...children) {
  return build(document.createElementNS(SVG, tag), properties, children);
}

/** Puts other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

/** Sets a style property; style attributes are refused by the page's own policy. */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

/** A button. */
export function button(label, onclick, properties) {
  return h("button", { type: "button", onclick, ...properties }, label);
}

/** A link within the console. */
export function link(href, properties, ...children) {
  return h("a", { href, ...properties }, ...children);
}

/** Says something for a few seconds. */
export function toast(text, kind) {
  const box = h("div", { class: `toast ${kind ?? ""}` }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 9000 : 4500);
}

/** What stands where there is nothing to see, and what to do about it. */
export function empty(title, hint, ...more) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), hint && h("p", {}, hint), ...more);
}

/** What stands where reading failed. */
export function failure(error, again) {
  return h(
    "div",
    { class: "empty bad", role: "alert" },
    h("p", { class: "empty-title" }, error.title ?? "That did not work"),
    h("p", {}, error.message),
    again && button("Try again", again),
  );
}

/** Asks in a dialog; resolves with true if the viewer agrees. */
export function confirm(title, text, yes, kind) {
  return new Promise((resolve) => {
    const close = (answer) => {
      box.close();
      box.remove();
      resolve(answer);
    };
    const box = h(
      "dialog",
      {
        class: "dialog",
        "aria-label": title,
        oncancel: () => {
          box.remove();
          resolve(false);
        },
      },
      h("h2", {}, title),
      h("p", {}, text),
      h(
        "div",
        { class: "row end" },
        button("Keep", () => close(false)),
        button(yes, () => close(true), { class: kind ?? "primary" }),
      ),
    );
    document.body.append(box);
    box.showModal();
  });
}
