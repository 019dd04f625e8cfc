// Says when no server answers, and when it does again.

import { h } from "./dom.js";

const AGAIN_MS = 3000;

let bar = null;

/** Watches for calls that reach no server. `back` is called when one answers again. */
export function watchServer(back) {
  document.addEventListener("unreachable", () => {
    if (bar) return;
    bar = h(
      "div",
      { class: "unreachable", role: "alert" },
      h("b", {}, "The connection to the server is lost."),
      " What is shown may be old; the page tries again.",
    );
    document.body.prepend(bar);
    const timer = setInterval(async () => {
      const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
      if (!answer?.ok) return;
      clearInterval(timer);
      bar?.remove();
      bar = null;
      back();
    }, AGAIN_MS);
  });
}
