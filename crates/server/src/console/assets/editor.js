// Submitting: a new job, or a copy of one with other root tasks.

import { button, failure, fill, h, link, toast } from "./dom.js";
import { base64, bytes, call, id, isAbort, traceParent, uuid } from "./api.js";
import { utf8 } from "./format.js";

const INPUT_MAX = 2048;
const TASKS_MAX = 64;

/** A form for root tasks; answers its element and how to read it. */
function taskForm(tasks, clusters) {
  const place = h("div", { class: "editors" });
  const entries = [];
  const make = (task) => {
    const data = bytes(task.input);
    const text = utf8(data);
    const field = (label, control) => h("label", { class: "field" }, h("span", {}, label), control);
    const name = h("input", {
      value: task.identifier?.name ?? "",
      required: true,
      maxlength: 256,
      placeholder: "tilebox.com/example/Task",
      spellcheck: "false",
    });
    const version = h("input", {
      value: task.identifier?.version ?? "v0.0",
      required: true,
      pattern: "v\\d+\\.\\d+",
      title: "v, a number, a dot, a number",
    });
    const cluster = h(
      "select",
      {},
      [["", "Default cluster"], ...clusters].map(([slug, label]) =>
        h("option", { value: slug, selected: (task.clusterSlug ?? "") === slug }, label),
      ),
    );
    const display = h("input", { value: task.display ?? "", placeholder: "as the identifier", maxlength: 1024 });
    const retries = h("input", { type: "number", min: 0, value: Number(task.maxRetries ?? 0) });
    const after = h("input", {
      value: (task.dependencies ?? []).map((each) => Number(each) + 1).join(", "),
      pattern: "[\\d,\\s]*",
      placeholder: "numbers of tasks, such as 1, 2",
    });
    const kind = h(
      "select",
      { "aria-label": "Input is" },
      [
        ["text", "Text or JSON"],
        ["base64", "Base64"],
      ].map(([value, label]) => h("option", { value, selected: value === (text === null ? "base64" : "text") }, label)),
    );
    const input = h("textarea", { rows: 5, spellcheck: "false", class: "code", "aria-label": "Input" });
    input.value = text ?? task.input ?? "";
    const hint = h("span", { class: "faint" });
    const content = () => (kind.value === "base64" ? bytes(input.value.trim()) : new TextEncoder().encode(input.value));
    const check = () => {
      let problem = "";
      try {
        const length = content().length;
        hint.textContent = `${length} of ${INPUT_MAX} bytes`;
        if (length > INPUT_MAX) problem = `The input has ${length} bytes, ${INPUT_MAX} are allowed`;
        else if (kind.value === "text" && /^\s*[[{]/.test(input.value)) {
          try {
            JSON.parse(input.value);
            hint.textContent += ", valid JSON";
          } catch (error) {
            hint.textContent += `, not valid JSON: ${error.message}`;
          }
        }
      } catch {
        problem = "This is not base64";
        hint.textContent = problem;
      }
      input.setCustomValidity(problem);
    };
    input.addEventListener("input", check);
    kind.addEventListener("change", check);
    const title = h("h3", {});
    const entry = {
      title,
      read: () => ({
        clusterSlug: cluster.value,
        identifier: { name: name.value.trim(), version: version.value.trim() },
        input: base64(content()),
        display: display.value || name.value.trim().split("/").at(-1),
        maxRetries: Number(retries.value),
        dependencies: after.value
          .split(/[\s,]+/)
          .filter(Boolean)
          .map((each) => Number(each) - 1),
      }),
    };
    entry.element = h(
      "fieldset",
      { class: "card editor" },
      h(
        "div",
        { class: "head" },
        title,
        h("span", { class: "grow" }),
        button(
          "Remove",
          () => {
            entries.splice(entries.indexOf(entry), 1);
            entry.element.remove();
            number();
          },
          { class: "quiet small" },
        ),
      ),
      h(
        "div",
        { class: "grid" },
        field("Identifier", name),
        field("Version", version),
        field("Cluster", cluster),
        field("Display", display),
        field("Retries", retries),
        field("Runs after tasks", after),
      ),
      h("div", { class: "row" }, h("span", {}, "Input"), kind, h("span", { class: "grow" }), hint),
      input,
    );
    entries.push(entry);
    place.append(entry.element);
    check();
    number();
  };
  const number = () =>
    entries.forEach((entry, index) => {
      entry.title.textContent = `Root task ${index + 1}`;
    });
  tasks.forEach(make);
  return {
    element: h(
      "div",
      {},
      place,
      h(
        "p",
        {},
        button("Add a root task", () => {
          if (entries.length < TASKS_MAX) make({});
          else toast(`A job has at most ${TASKS_MAX} root tasks here`, "bad");
        }),
      ),
    ),
    read: () => entries.map((entry) => entry.read()),
  };
}

async function page(context, title, lead, name, tasks, submit) {
  const answer = await call("WorkflowsService/ListClusters", {}, { signal: context.signal });
  const clusters = (answer.clusters ?? []).map((cluster) => [cluster.slug, cluster.displayName || cluster.slug]);
  const field = h("input", { value: name, required: true, id: "job-name", autocomplete: "off" });
  const form = taskForm(tasks, clusters);
  const wrong = h("p", { class: "bad-text", role: "alert" });
  const send = h("button", { class: "primary" }, "Submit");
  fill(
    context.view,
    h("nav", { class: "crumbs", "aria-label": "Where" }, link("/workflows/jobs", {}, "Jobs"), ` / ${title}`),
    h("h1", {}, title),
    h("p", { class: "faint" }, lead),
    h(
      "form",
      {
        class: "job-form",
        onsubmit: async (event) => {
          event.preventDefault();
          wrong.textContent = "";
          send.disabled = true;
          try {
            const tasks = form.read();
            if (tasks.length === 0)
              throw Object.assign(new Error("Add a root task."), { title: "A job needs at least one task" });
            const job = await submit(field.value, tasks);
            toast("Submitted", "good");
            context.go(`/workflows/jobs/${uuid(job.id)}`);
          } catch (error) {
            if (!isAbort(error)) wrong.textContent = `${error.title ?? "That did not work"}: ${error.message}`;
          } finally {
            send.disabled = false;
          }
        },
      },
      h("label", { class: "field" }, h("span", {}, "Job name"), field),
      form.element,
      wrong,
      h("div", { class: "row end" }, send),
    ),
  );
  if (!name) field.focus();
}

/** A new job. Each task is a group of its own, so that each may wait for any other. */
export async function showNew(context) {
  const lead =
    "Runners that know the identifiers execute the tasks. For most tasks the input is a JSON object of their fields.";
  await page(context, "New job", lead, "", [{}], (name, tasks) =>
    call("JobService/SubmitJob", {
      jobName: name,
      traceParent: traceParent(),
      tasks: {
        taskGroups: tasks.map((task, index) => ({
          dependenciesOnOtherGroups: task.dependencies,
          inputs: [task.input],
          identifierPointers: [index],
          clusterSlugPointers: [index],
          displayPointers: [index],
          maxRetriesValues: [task.maxRetries],
          optionalValues: [false],
        })),
        clusterSlugLookup: tasks.map((task) => task.clusterSlug),
        identifierLookup: tasks.map((task) => task.identifier),
        displayLookup: tasks.map((task) => task.display),
      },
    }),
  );
}

/** A copy of a job, whose root tasks may be edited first. */
export async function showClone(context) {
  const request = { jobId: id(context.id) };
  const prototype = await call("JobService/GetJobPrototype", request, { signal: context.signal });
  const roots = prototype.rootTasks ?? [];
  if (roots.length > TASKS_MAX) {
    fill(
      context.view,
      h("h1", {}, "Clone"),
      failure({
        title: `This job has ${roots.length} root tasks`,
        message: `Up to ${TASKS_MAX} can be edited here. It can be cloned as it was.`,
      }),
      h(
        "p",
        { class: "center" },
        button(
          "Clone as it was",
          async () => {
            try {
              const job = await call("JobService/CloneJob", request);
              context.go(`/workflows/jobs/${uuid(job.id)}`);
            } catch (error) {
              toast(`${error.title}: ${error.message}`, "bad");
            }
          },
          { class: "primary" },
        ),
      ),
    );
    return;
  }
  await page(
    context,
    "Clone",
    "A new job with the root tasks of the old one, as you change them here.",
    prototype.jobName ?? "",
    roots,
    (name, tasks) => call("JobService/CloneJob", { ...request, jobName: name, rootTasksOverrides: tasks }),
  );
}
