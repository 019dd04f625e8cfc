// What clusters are called: their slugs are made by machines.

import { h } from "./dom.js";
import { call } from "./api.js";
import { visible } from "./format.js";

const FRESH_MS = 60_000;

let names = new Map();
let read = null;
let at = 0;

/** Reads the names, at most once a minute. */
function load() {
  if (read && Date.now() - at < FRESH_MS) return read;
  at = Date.now();
  read = call("WorkflowsService/ListClusters")
    .then((answer) => {
      names = new Map((answer.clusters ?? []).map((cluster) => [cluster.slug, cluster.displayName || cluster.slug]));
    })
    .catch(() => {
      // Slugs do as well.
    });
  return read;
}

/** The name of a cluster, the slug on hover; it fills itself in once the names are known. */
export function clusterName(slug) {
  const place = h("span", { title: slug ?? "" }, names.get(slug) ?? slug ?? "–");
  if (slug && !names.has(slug))
    load().then(() => {
      place.textContent = names.get(slug) ?? slug;
    });
  return place;
}

/** A sentence of the server, with the names of clusters in place of their slugs once they are known. */
export function clusterSentence(text) {
  const place = h("span", {}, text);
  load().then(() => {
    place.textContent = [...names].reduce(
      (named, [slug, name]) => named.replaceAll(`cluster ${slug}`, `cluster ${visible(name)}`),
      text,
    );
  });
  return place;
}
