// A menu under a button: arrow keys, Home, End, letters; Escape and Tab close it, and focus goes back to its button.

import { h } from "./dom.js";

/** Makes `opener` open a menu. `items()` gives {label, icon, lang, checked, act} or null (left out) each time. */
export function popup(opener, label, items) {
  const menu = h("div", { className: "popup", role: "menu", "aria-label": label, hidden: true });
  const wrap = h("div", { className: "popup-wrap" }, opener, menu);
  opener.setAttribute("aria-haspopup", "menu");
  opener.setAttribute("aria-expanded", "false");
  let outside = null;

  const close = (refocus) => {
    if (menu.hidden) return;
    menu.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    outside?.abort();
    if (refocus) opener.focus();
  };
  const open = () => {
    menu.replaceChildren(
      ...items()
        .filter(Boolean)
        .map((item) => entry(item, () => close(true))),
    );
    menu.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    (menu.querySelector("[aria-checked=true]") ?? menu.firstChild)?.focus();
    outside = new AbortController();
    const { signal } = outside;
    wrap
      .getRootNode()
      .addEventListener("pointerdown", (event) => !wrap.contains(event.target) && close(false), { signal });
    wrap.addEventListener(
      "focusout",
      ({ relatedTarget }) => relatedTarget && !wrap.contains(relatedTarget) && close(false),
      { signal },
    );
  };

  opener.addEventListener("click", () => (menu.hidden ? open() : close(true)));
  opener.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || !menu.hidden) return;
    event.preventDefault();
    open();
  });
  menu.addEventListener("keydown", (event) => steer(event, menu, close));
  return wrap;
}

function entry({ label, icon, lang, checked, act }, close) {
  const role = checked === undefined ? "menuitem" : "menuitemradio";
  const state = checked === undefined ? {} : { "aria-checked": String(checked) };
  const run = () => {
    close();
    act();
  };
  return h(
    "button",
    { type: "button", role, tabIndex: -1, on: { click: run }, ...state },
    icon ?? null,
    h("span", { text: label, lang: lang ?? "", dir: "auto" }),
  );
}

function steer(event, menu, close) {
  const all = [...menu.children];
  const at = all.indexOf(menu.getRootNode().activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) all.at(to % all.length).focus();
  else if (event.key === "Escape") close(true);
  else if (event.key === "Tab") return close(true);
  else if (event.key.length === 1 && event.key !== " ") return letter(event.key, all, at);
  else return undefined;
  event.preventDefault();
  event.stopPropagation();
  return undefined;
}

function letter(key, all, at) {
  const rest = [...all.slice(at + 1), ...all.slice(0, at + 1)];
  rest.find((item) => item.textContent.toLowerCase().startsWith(key.toLowerCase()))?.focus();
}
