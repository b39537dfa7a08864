// What can be read without more than the link: the card in two languages, and what to know before one goes.

import { button, h } from "/widget/dom.js";

const DOCUMENTS = ["passport", "phone", "payment", "lists", "records", "insurance", "address"];
const STEPS = [1, 2, 3, 4, 5, 6, 7];

/** The warning that no hospital knows of this; null when one does. */
export function demonstration({ own, zh }, appointment) {
  if (!appointment.demo) return null;
  const chinese = (key) => (own.code === "zh" ? null : h("p", { lang: "zh", dir: "ltr", text: zh.t(key) }));
  return h(
    "section",
    { className: "demo", "aria-labelledby": "demo-title" },
    h("h2", { id: "demo-title" }, own.rich("demo_title")),
    h("p", {}, own.rich("demo_text")),
    chinese("demo_title"),
    chinese("demo_text"),
  );
}

export function card(words, appointment) {
  const { own } = words;
  return h(
    "section",
    { className: "card", "aria-labelledby": "card-title" },
    h("h2", { id: "card-title", text: own.t("card") }),
    h("dl", { className: "facts" }, facts(words, appointment)),
  );
}

function facts(words, one) {
  const { own, zh } = words;
  const both = (names) => pair(own, names[own.code], names.zh);
  return [
    fact(words, "time", [
      ...pair(own, own.full(one.starts_at), zh.full(one.starts_at)),
      note(own.rich("china_time")),
      one.over && one.state === "booked" ? note(own.rich("over")) : null,
    ]),
    fact(words, "hospital", [...both(one.hospital), ...(one.campus ? both(one.campus) : [])]),
    fact(words, "department", both(one.department)),
    fact(words, "address", address(words, one)),
    one.phone ? fact(words, "phone", [h("a", { href: `tel:${one.phone}`, dir: "ltr", text: one.phone })]) : null,
    fact(words, "patient", [h("bdi", { text: one.patient })]),
    fact(words, "reference", [h("bdi", { className: "reference", text: one.reference })]),
    one.interpreter ? fact(words, "interpreter", interpreter(own, one.interpreter)) : null,
    fact(words, "fee", fee(own, one.fee_fen)),
  ];
}

function fact({ own, zh }, key, values) {
  const chinese = own.code === "zh" ? null : h("span", { lang: "zh", text: zh.t(key) });
  return h("div", {}, h("dt", {}, h("span", { text: own.t(key) }), " ", chinese), h("dd", {}, values));
}

/** A value in both languages, on two lines; once where they are the same. */
function pair(own, text, chinese) {
  if (own.code === "zh" || text === chinese) return [h("p", { lang: "zh", text: chinese })];
  return [h("p", {}, own.apart(text)), h("p", { lang: "zh", dir: "ltr", className: "chinese", text: chinese })];
}

const note = (nodes) => h("p", { className: "note" }, nodes);

function address({ own }, one) {
  if (!one.address_zh) return [h("p", {}, own.rich("address_unknown"))];
  const line = h("p", { lang: "zh", dir: "ltr", className: "chinese", text: one.address_zh });
  return [line, one.address_sure ? null : note(own.rich("address_unsure"))];
}

function interpreter(own, { language, state, name }) {
  const said = h("p", {}, own.rich(`interpreter_${state}`, { language: own.languageName(language) }));
  return [said, name ? h("p", {}, h("bdi", { text: name })) : null];
}

function fee(own, fen) {
  if (fen === null) return [h("p", {}, own.rich("fee_unknown")), note(own.rich("fee_range"))];
  return [h("p", {}, own.apart(own.yuan(fen))), note(own.rich("fee_extra"))];
}

/** In large Chinese, with nothing else in it: it is read from the front seat. */
export function driver({ own }, one) {
  const place = [one.hospital.zh, one.campus?.zh].filter(Boolean).join(" ");
  return h(
    "section",
    { className: "driver", "aria-labelledby": "driver-title" },
    h("h2", { id: "driver-title", text: own.t("driver_title") }),
    own.code === "zh" ? null : h("p", { className: "note" }, own.rich("driver_hint")),
    h(
      "div",
      { className: "sign", lang: "zh", dir: "ltr" },
      h("p", { text: "师傅您好，请送我到：" }),
      h("p", { className: "large", text: place }),
      h("p", { className: one.address_zh ? "large" : "", text: one.address_zh ?? "请按医院名称导航。" }),
    ),
  );
}

export function documents({ own }) {
  return list(own, "documents", "ul", DOCUMENTS.map((name) => `doc_${name}`));
}

export function route({ own }) {
  return list(own, "route", "ol", STEPS.map((number) => `route_${number}`));
}

function list(own, key, tag, keys) {
  return h(
    "section",
    { className: key, "aria-labelledby": `${key}-title` },
    h("h2", { id: `${key}-title`, text: own.t(key) }),
    h(tag, {}, keys.map((name) => h("li", {}, own.rich(name)))),
  );
}

/** The link as a picture for another phone; null where the server does not know its own address. */
export function code({ own }, one) {
  if (!one.qr) return null;
  const source = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(one.qr)}`;
  return h(
    "section",
    { className: "code", "aria-labelledby": "code-title" },
    h("h2", { id: "code-title", text: own.t("qr_title") }),
    h("img", { src: source, alt: own.t("qr_title"), width: 200, height: 200 }),
    h("p", { className: "note" }, own.rich("qr_hint")),
  );
}

/** `on`: {calendar, print}, each a listener. */
export function tools({ own }, on) {
  return h(
    "div",
    { className: "tools" },
    button(own.t("calendar"), { className: "second", on: { click: on.calendar } }),
    button(own.t("print"), { className: "second", on: { click: on.print } }),
  );
}
