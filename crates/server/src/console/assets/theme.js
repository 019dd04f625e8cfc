// Before anything is drawn: the appearance the viewer chose, else that of the system.
(() => {
  const root = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem("boxwood-theme");
  } catch {
    /* Storage may be forbidden. */
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
})();
