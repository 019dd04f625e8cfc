// Clusters: the named pools of runners.

import { button, confirm, empty, fill, h, link, toast } from "./dom.js";
import { call } from "./api.js";
import { visible } from "./format.js";
import { runners } from "./insight.js";
import { seenRunners } from "./runners.js";

/** How often runners are looked at again. */
const LOOK_MS = 5000;

/** Shows the list. */
export async function show(context) {
  const { view, signal } = context;
  const list = h("div", { class: "cards" });
  const opened = new Set();
  fill(
    view,
    h(
      "div",
      { class: "head" },
      h("h1", {}, "Clusters"),
      h("span", { class: "grow" }),
      button("New cluster", () => edit(null), { class: "primary" }),
    ),
    h(
      "p",
      { class: "faint" },
      "A cluster is a named pool of runners. Tasks are handed out only to runners that ask for their cluster. ",
      "Runners are those that asked this server for work in the last minute, or hold a task.",
    ),
    list,
  );

  const read = async () => {
    const answer = await call("WorkflowsService/ListClusters", {}, { signal });
    const clusters = answer.clusters ?? [];
    const seen = await runners(signal);
    fill(
      list,
      clusters.map((cluster) => card(cluster, seen)),
      clusters.length === 0 && empty("No clusters", "Make one."),
    );
  };
  const remove = async (cluster) => {
    const name = cluster.displayName || cluster.slug;
    if (
      !(await confirm(
        `Delete ${name}?`,
        "Its queued tasks stay queued and are handed out to nobody until there is a cluster with this slug again.",
        "Delete the cluster",
        "danger",
      ))
    )
      return;
    try {
      await call("WorkflowsService/DeleteCluster", { clusterSlug: cluster.slug });
      toast(`${name} is deleted`, "good");
      await read();
    } catch (error) {
      toast(`${error.title}: ${error.message}`, "bad");
    }
  };
  const card = (cluster, seen) =>
    h(
      "article",
      { class: "card", "data-cluster": cluster.slug, "aria-label": visible(cluster.displayName || cluster.slug) },
      h(
        "div",
        { class: "head" },
        h("h2", { class: "clip", title: visible(cluster.displayName) }, visible(cluster.displayName || cluster.slug)),
        !cluster.deletable &&
          h(
            "span",
            { class: "tag", title: "Used wherever no cluster is named; it cannot be deleted" },
            "default, protected",
          ),
      ),
      h("p", {}, h("code", {}, cluster.slug)),
      cluster.description && h("p", { class: "lines" }, visible(cluster.description)),
      seen &&
        seenRunners(
          cluster,
          seen.filter((group) => group.clusterSlug === cluster.slug),
          opened,
        ),
      h(
        "div",
        { class: "row wrap" },
        link(
          `/workflows/jobs?cluster=${encodeURIComponent(cluster.slug)}`,
          { class: "button quiet", "data-row": true },
          "Its jobs",
        ),
        button("Edit", () => edit(cluster), { class: "quiet" }),
        cluster.deletable && button("Delete", () => remove(cluster), { class: "quiet danger" }),
      ),
    );

  function edit(cluster) {
    const name = h("input", { value: cluster?.displayName ?? "", maxlength: 100, required: true, id: "cluster-name" });
    const slug = h("input", {
      value: cluster?.slug ?? "",
      maxlength: 100,
      pattern: "[A-Za-z0-9\\-]*",
      disabled: Boolean(cluster),
      placeholder: "made from the name if empty",
      id: "cluster-slug",
    });
    const description = h("textarea", { rows: 4, maxlength: 50000, id: "cluster-description" });
    description.value = cluster?.description ?? "";
    const wrong = h("p", { class: "bad-text", role: "alert" });
    const box = h(
      "dialog",
      { class: "dialog", "aria-label": cluster ? "Edit the cluster" : "New cluster", onclose: () => box.remove() },
      h(
        "form",
        {
          onsubmit: async (event) => {
            event.preventDefault();
            try {
              if (cluster)
                await call("WorkflowsService/UpdateCluster", {
                  clusterSlug: cluster.slug,
                  name: name.value,
                  description: description.value,
                });
              else
                await call("WorkflowsService/CreateCluster", {
                  name: name.value,
                  slug: slug.value,
                  description: description.value,
                });
              box.close();
              toast(cluster ? "Saved" : `${name.value} is created`, "good");
              await read();
            } catch (error) {
              wrong.textContent = `${error.title}: ${error.message}`;
            }
          },
        },
        h("h2", {}, cluster ? "Edit the cluster" : "New cluster"),
        h("label", { for: "cluster-name" }, "Name"),
        name,
        h("label", { for: "cluster-slug" }, "Slug"),
        slug,
        h("label", { for: "cluster-description" }, "Description"),
        description,
        wrong,
        h(
          "div",
          { class: "row end" },
          button("Keep as it is", () => box.close()),
          h("button", { class: "primary" }, cluster ? "Save" : "Create"),
        ),
      ),
    );
    document.body.append(box);
    box.showModal();
  }
  await read();
  const look = setInterval(() => {
    // Not under the hands of somebody who is about to press a button.
    if (!document.hidden && !list.contains(document.activeElement)) read().catch(() => {});
  }, LOOK_MS);
  context.onLeave(() => clearInterval(look));
}
