// The demonstration page in three languages and three pages; the HTML itself is the English start page.

import { PAGES, WORDS } from "./demo-words.js";

const asked = new URLSearchParams(location.search);
const widget = document.querySelector("linli-widget");
const page = Object.hasOwn(PAGES.en, asked.get("page") ?? "") ? asked.get("page") : "home";

function remembered() {
  try {
    return sessionStorage.getItem("demo.language");
  } catch {
    return null;
  }
}

function language() {
  return (
    [asked.get("lang"), remembered(), ...navigator.languages.map((tag) => tag.split("-")[0])].find((code) =>
      Object.hasOwn(WORDS, code ?? ""),
    ) ?? "en"
  );
}

function speak(code) {
  const words = WORDS[code];
  document.documentElement.lang = code;
  document.documentElement.dir = code === "ar" ? "rtl" : "ltr";
  document.title = `${words.city} · ${words.service} (${words.demonstration})`;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = words[element.dataset.t];
  for (const element of document.querySelectorAll("[data-label]"))
    element.setAttribute("aria-label", words[element.dataset.label]);
  fill(PAGES[code][page]);
  mark(code);
}

function fill({ title, lead, list, cards }) {
  document.querySelector("#title").textContent = title;
  document.querySelector("#lead").textContent = lead;
  document.querySelector("#list-title").textContent = list;
  document.querySelector("#cards").replaceChildren(...cards.map(card));
}

function card([head, text]) {
  const item = document.createElement("li");
  const title = document.createElement("h3");
  const body = document.createElement("p");
  title.textContent = head;
  body.textContent = text;
  item.append(title, body);
  return item;
}

function mark(code) {
  for (const link of document.querySelectorAll("[data-page-link]")) {
    const here = link.dataset.pageLink === page && link.closest("nav");
    link.toggleAttribute("aria-current", Boolean(here));
    if (here) link.setAttribute("aria-current", "page");
  }
  for (const link of document.querySelectorAll("[data-lang]")) {
    if (link.dataset.lang === code) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function choose(event) {
  event.preventDefault();
  const code = event.currentTarget.dataset.lang;
  try {
    sessionStorage.setItem("demo.language", code);
  } catch {
    // The choice then holds for this page alone.
  }
  speak(code);
  widget.setAttribute("lang", code);
}

for (const link of document.querySelectorAll("[data-lang]")) link.addEventListener("click", choose);
const ask = document.querySelector("#ask");
ask.hidden = false;
ask.addEventListener("click", () => void widget.open());
widget.setAttribute("page", page);
speak(language());
if (asked.has("lang")) customElements.whenDefined("linli-widget").then(() => widget.setAttribute("lang", language()));
