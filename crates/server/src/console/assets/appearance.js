// Light or dark: as the viewer chose, else as the system is.

import { button } from "./dom.js";

const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark now. `document` hears of `appearance` when that changes. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : SYSTEM.matches;
}

/** The button that switches; `theme.js` puts the choice in force before anything is drawn. */
export function switcher() {
  const tell = () => {
    const other = isDark() ? "light" : "dark";
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.title = `Switch to ${other} appearance`;
    document.dispatchEvent(new CustomEvent("appearance"));
  };
  const flip = () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("boxwood-theme", next);
    } catch {
      /* Then it holds until the page is left. */
    }
    tell();
  };
  const toggle = button("", flip, { class: "quiet" });
  tell();
  SYSTEM.addEventListener("change", tell);
  return toggle;
}
