// What to do where nothing is yet: commands that can be copied, with the address of this server.

import { button, h, toast } from "./dom.js";

/** A command or a piece of code, with a button that copies it. */
export function snippet(text, what) {
  return h(
    "div",
    { class: "snippet" },
    h("pre", { class: "block", tabindex: 0, "aria-label": what }, text),
    button("Copy", () => copy(text), { class: "small", "aria-label": `Copy: ${what}` }),
  );
}

/** Puts a text where it can be pasted from, and says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied", "good");
  } catch {
    // Browsers allow it to pages of https and of this machine only.
    toast("The browser does not allow pages of this address to copy: select the text", "bad");
  }
}

/** How to submit the first job. */
export function firstJob() {
  return h(
    "div",
    { class: "start" },
    h("p", {}, "From a shell:"),
    snippet(`boxwood job submit --url ${location.origin} --name first --task Hello --input world`, "submit a job"),
    h("p", {}, "And a runner that executes it, in Python:"),
    snippet(runnerCode(""), "a runner in Python"),
  );
}

/** How to start a runner for a cluster; the default one needs no name. */
export function firstRunner(slug) {
  return h("div", { class: "start" }, snippet(runnerCode(slug), "a runner in Python"));
}

function runnerCode(slug) {
  const cluster = slug ? `"${slug}", ` : "";
  return [
    "from tilebox.workflows import Client, ExecutionContext, Task",
    "",
    "class Hello(Task):",
    "    name: str",
    "    def execute(self, context: ExecutionContext) -> None:",
    '        context.logger.info(f"Hello {self.name}")',
    "",
    `Client(url="${location.origin}").runner(${cluster}tasks=[Hello]).run_forever()`,
  ].join("\n");
}
