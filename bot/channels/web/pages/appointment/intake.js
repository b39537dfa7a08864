// The card for the doctor: ticked in the resident's language, read in Chinese. Every text comes from fixed lists.

import { button, h, once } from "/widget/dom.js";

/** `app` as for manage(), and `print(what)`. */
export function intake(app) {
  const { own } = app.words;
  const place = h("div", { className: "place" });
  const section = h(
    "section",
    { className: "intake", "aria-labelledby": "intake-title" },
    h("h2", { id: "intake-title", tabIndex: -1, text: own.t("intake") }),
    h("p", { className: "note" }, own.rich("intake_text")),
    place,
  );
  const open = button(own.t("intake_open"), { className: "second" });
  open.addEventListener("click", () =>
    once(open, () =>
      app.attempt(async () => {
        const given = await app.api.lists(own.code);
        if (Object.keys(given.picked).length) sheetAndTools(app, place, given);
        else form(app, place, given);
        section.querySelector("h2").focus();
      }),
    ),
  );
  place.replaceChildren(h("div", { className: "tools" }, open));
  return section;
}

function form(app, place, given) {
  const { own } = app.words;
  const save = h("button", { type: "submit", className: "primary", text: own.t("intake_save") });
  const element = h("form", {}, given.lists.map((list) => topic(own, list, given.picked[list.topic] ?? [])), save);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    once(save, () => app.attempt(() => keep(app, place, given, element)));
  });
  place.replaceChildren(element);
}

async function keep(app, place, given, element) {
  const picked = {};
  for (const { topic: name } of given.lists) {
    const keys = [...element.querySelectorAll(`input[name="${name}"]:checked`)].map((input) => input.value);
    if (keys.filter(Boolean).length) picked[name] = keys.filter(Boolean);
  }
  await app.api.saveIntake(picked);
  sheetAndTools(app, place, { ...given, picked });
  document.querySelector("#intake-title").focus();
  app.say(app.words.own.t("intake_saved"));
}

/** One list, folded: eight open ones would be a page of two hundred lines. */
function topic(own, list, picked) {
  const count = h("span", { className: "count" });
  const boxes = list.entries.map((entry) => box(list, entry, picked.includes(entry.key)));
  if (!list.many) boxes.push(box(list, { key: "", text: own.t("no_answer"), exclusive: true }, picked.length === 0));
  const fieldset = h("fieldset", {}, h("legend", { className: "unseen", text: list.heading }), boxes);
  const tell = () => {
    const names = [...fieldset.querySelectorAll("input:checked")].filter((input) => input.value);
    count.textContent = names.map((input) => input.parentElement.textContent).join(" · ");
  };
  fieldset.addEventListener("change", (event) => {
    if (list.many) untick(fieldset, list, event.target);
    tell();
  });
  tell();
  return h("details", {}, h("summary", {}, h("span", { className: "name", text: list.heading }), " ", count), fieldset);
}

function box(list, entry, checked) {
  const input = h("input", { type: list.many ? "checkbox" : "radio", name: list.topic, value: entry.key, checked });
  return h("label", { className: "box" }, input, h("span", { text: entry.text }));
}

/** None, and not sure, stand alone. */
function untick(fieldset, list, ticked) {
  if (!ticked.checked) return;
  const alone = (key) => list.entries.find((entry) => entry.key === key)?.exclusive;
  for (const input of fieldset.querySelectorAll("input:checked"))
    if (input !== ticked && (alone(ticked.value) || alone(input.value))) input.checked = false;
}

function sheetAndTools(app, place, given) {
  const { own } = app.words;
  const change = button(own.t("intake_change"), { className: "second" });
  change.addEventListener("click", () => {
    form(app, place, given);
    place.querySelector("summary").focus();
  });
  const print = button(own.t("intake_print"), { className: "primary", on: { click: () => app.print("intake") } });
  place.replaceChildren(sheet(app, given), h("div", { className: "tools" }, print, change));
}

/** What the doctor gets: Chinese large, the resident's own words small beside it. */
function sheet(app, given) {
  const { own, zh } = app.words;
  const one = app.appointment;
  const blocks = given.lists.filter((list) => given.picked[list.topic]?.length);
  if (!blocks.length) return h("p", {}, own.rich("intake_empty"));
  return h(
    "div",
    { className: "sheet", lang: "zh", dir: "ltr" },
    one.demo ? h("p", { className: "demo-mark", text: zh.t("demo_title") }) : null,
    h("h3", { text: `${one.hospital.zh} · ${one.department.zh}` }),
    h("p", {}, h("bdi", { text: one.patient }), ` · ${zh.full(one.starts_at)} · `, h("bdi", { text: one.reference })),
    blocks.map((list) => block(own, list, given.picked[list.topic])),
    h("p", { className: "note", text: zh.t("intake_own_words") }),
  );
}

function block(own, list, keys) {
  const small = (text) => (own.code === "zh" ? null : h("span", { lang: own.code, dir: own.dir, className: "own", text }));
  const entries = list.entries.filter((entry) => keys.includes(entry.key));
  return h(
    "div",
    { className: "block" },
    h("h4", {}, list.heading_zh, " ", small(list.heading)),
    h("ul", {}, entries.map((entry) => h("li", {}, entry.zh, " ", small(entry.text)))),
  );
}
