// One place in the order of the Tab key for a list of many: arrow keys move within.

/** Keys and where they lead, seen from place `at` of `count`. */
export const MOVES = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowLeft: (at) => at - 1,
  Home: () => 0,
  End: (at, count) => count - 1,
};

/** Makes the elements of a list that match `items` one place for the Tab key; `keys` are those that move among them. */
export function rove(list, items, keys) {
  const seen = () => [...list.querySelectorAll(items)].filter((each) => each.offsetParent !== null);
  const settle = () => {
    const all = seen();
    const kept =
      all.find((each) => each === document.activeElement) ?? all.find((each) => each.tabIndex === 0) ?? all[0];
    for (const each of all) each.tabIndex = each === kept ? 0 : -1;
  };
  list.addEventListener("focusin", settle);
  list.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || !keys.includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = seen();
    const at = all.indexOf(event.target);
    if (at < 0) return;
    const next = all[Math.min(Math.max(MOVES[event.key](at, all.length), 0), all.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    event.preventDefault();
  });
  new MutationObserver(settle).observe(list, { childList: true, subtree: true, attributeFilter: ["hidden"] });
  settle();
}
