// Elements by calls: text goes in as text, so nothing that somebody wrote can become markup.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set([
  "className",
  "disabled",
  "hidden",
  "value",
  "checked",
  "htmlFor",
  "type",
  "tabIndex",
  "dir",
  "lang",
]);

/**
 * An element; `props` are properties of the set above, `on` (event to listener) or attributes. Null and false are
 * left out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) apply(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function apply(element, name, value) {
  if (value === null || value === undefined) return;
  if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  else if (name === "text") element.textContent = value;
  else if (PROPERTIES.has(name)) element[name] = value;
  else if (value !== false) element.setAttribute(name, value === true ? "" : value);
}

/** An SVG line drawing on a 24 grid; decorative. */
export function drawing(paths, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** A push button with an icon and, unless `quiet`, its name beside it. */
export function button(name, { icon = null, quiet = false, className = "", on = {}, ...rest } = {}) {
  const named = quiet ? { "aria-label": name, title: name } : {};
  return h(
    "button",
    { type: "button", className, on, ...named, ...rest },
    icon,
    quiet ? null : h("span", { text: name }),
  );
}

/** A field with its label, hint and place for what is wrong with it. */
export function field(id, label, control, hint = null) {
  control.id = id;
  const wrong = h("p", { className: "wrong", id: `${id}-wrong`, hidden: true });
  const help = hint ? h("p", { className: "hint", id: `${id}-hint`, text: hint }) : null;
  control.setAttribute("aria-describedby", [help && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" "));
  return h("div", { className: "field" }, h("label", { htmlFor: id, text: label }), help, control, wrong);
}

/** Says what is wrong with a field, or with null that nothing is. */
export function complain(control, text) {
  const wrong = control.closest(".field").querySelector(".wrong");
  wrong.textContent = text ?? "";
  wrong.hidden = !text;
  control.setAttribute("aria-invalid", String(Boolean(text)));
  if (text) control.focus();
}

/** Gives the browser a file to keep. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Runs `work` once at a time for a button. It is not `disabled` meanwhile: that would throw the focus away. */
export async function once(control, work) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    control.removeAttribute("aria-busy");
  }
}
