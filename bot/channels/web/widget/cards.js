// The parts of an answer card.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";
import { emergencyNumbers, linkified, outward, telephone } from "./linkify.js";
import { showCard } from "./showcard.js";

/** "To say or show: 您好，我…": a label, a colon, then Chinese to the end. */
const SAY_LINE = /^[^:：]{3,60}[:：]\s*["“«]?(\p{Script=Han}.*?)["”»]?$/su;
const LEAST_HAN = 6;
const CJK = new Set(["zh", "ja", "ko"]);

/** A part with a heading in the interface's language (the text under it may be in another). */
function part(app, name, key, ...content) {
  return h(
    "div",
    { className: `part ${name}` },
    h("h3", { lang: app.words.code, dir: app.words.dir, text: app.t(key) }),
    ...content,
  );
}

export function steps(app, { steps: list }) {
  return part(
    app,
    "steps",
    "steps",
    h(
      "ol",
      {},
      list.map((step) => h("li", { dir: "auto" }, h("div", {}, linkified(step)))),
    ),
  );
}

/** What to bring, to be ticked off. */
export function documents(app, { seq, documents: list }) {
  const { ticks } = app.log;
  if (!ticks.has(seq)) ticks.set(seq, new Set());
  const ticked = ticks.get(seq);
  const tick =
    (index) =>
    ({ target }) =>
      target.checked ? ticked.add(index) : ticked.delete(index);
  const item = (text, index) =>
    h(
      "li",
      {},
      h(
        "label",
        { dir: "auto" },
        h("input", { type: "checkbox", checked: ticked.has(index), on: { change: tick(index) } }),
        h("span", {}, linkified(text)),
      ),
    );
  return part(app, "documents", "documents", h("ul", { className: "plain" }, list.map(item)));
}

/** The Chinese sentence to say or show, which ends an answer in another language: {text without it, say or null}. */
export function sayLine({ text, lang }) {
  const at = text.lastIndexOf("\n\n");
  const chinese = CJK.has(lang) || at < 0 ? null : text.slice(at).trim().match(SAY_LINE)?.[1];
  if (!chinese || (chinese.match(/\p{Script=Han}/gu) ?? []).length < LEAST_HAN) return { text, say: null };
  return { text: text.slice(0, at), say: new SayCard(chinese) };
}

class SayCard {
  constructor(chinese) {
    this.chinese = chinese;
  }
  card(app) {
    const show = button(app.t("show_this"), {
      className: "second",
      lang: app.words.code,
      dir: app.words.dir,
      icon: icon("show"),
      on: { click: () => showCard(app, { lines: [this.chinese] }) },
    });
    return part(
      app,
      "say",
      "say_this",
      h("p", { lang: "zh", dir: "ltr", className: "chinese", text: this.chinese }),
      show,
    );
  }
}

export function office(app, { office: place, lang }) {
  const { t } = app;
  const rows = [h("p", { className: "office-name", dir: "auto", text: place.name })];
  if (lang !== "zh") rows.push(h("p", { lang: "zh", dir: "ltr", className: "chinese", text: place.name_zh }));
  if (place.address_zh)
    rows.push(
      h("p", { className: "address" }, icon("place"), h("span", { lang: "zh", dir: "ltr", text: place.address_zh })),
    );
  const actions = [];
  if (place.phone) actions.push(callLink(app, place.phone));
  const card = {
    heading: place.address_zh ? "我要去这个地方" : null,
    lines: [place.name_zh, place.address_zh].filter(Boolean),
    phone: place.phone,
    caption: place.name,
  };
  actions.push(
    button(t("show_this"), { className: "second", icon: icon("show"), on: { click: () => showCard(app, card) } }),
  );
  return part(
    app,
    "office",
    "office",
    ...rows,
    h("div", { className: "actions", lang: app.words.code, dir: app.words.dir }, actions),
  );
}

function callLink(app, phone) {
  return h(
    "a",
    { className: "second", href: telephone(phone) },
    icon("phone"),
    h("span", {}, ...around(app.t("call", { number: "\u0000" }), h("bdi", { dir: "ltr", text: phone }))),
  );
}

/** A phrase with a node where its placeholder stands, so that a number keeps its direction in Arabic. */
function around(phrase, node) {
  const [before, after] = phrase.split("\u0000");
  return [before, node, after ?? ""];
}

export function provenance(app, { source, checked_on: day }) {
  const { t, words } = app;
  const line = h("p", { className: "source", lang: words.code, dir: words.dir });
  if (source) {
    const link = source.url && outward(source.url, source.title);
    if (link) link.append(h("span", { className: "vh", text: ` ${t("new_window")}` }));
    line.append(`${t("source")}: `, link ?? h("bdi", { text: source.title }));
  }
  if (source && day) line.append(" · ");
  if (day) line.append(t("checked_on", { date: words.date(day) }));
  return line;
}

/** An emergency: the numbers to tap, what to do, and Chinese sentences to say or show. */
export function* urgentBody(app, { text, steps: lines, lang }) {
  const { t } = app;
  const numbers = emergencyNumbers(text);
  yield h(
    "p",
    { className: "urgent-title", lang: app.words.code, dir: app.words.dir },
    icon("alert"),
    h("strong", { text: t("urgent") }),
  );
  const call = (number, index) =>
    h(
      "a",
      {
        className: index ? "second call" : "primary call",
        href: telephone(number),
        lang: app.words.code,
        dir: app.words.dir,
      },
      icon("phone"),
      h("span", {}, ...around(t("call", { number: "\u0000" }), h("bdi", { dir: "ltr", text: number }))),
    );
  if (numbers.length) yield h("div", { className: "actions calls" }, numbers.map(call));
  for (const line of text.split(/\n+/)) yield h("p", { dir: "auto", lang }, linkified(line, { urgent: true }));
  if (!lines.length) return;
  const spoken = lines.map(split);
  yield h(
    "ul",
    { className: "plain spoken" },
    spoken.map(({ chinese, pinyin }) =>
      h(
        "li",
        { lang: "zh", dir: "ltr" },
        h("span", { className: "chinese", text: chinese }),
        pinyin ? h("span", { className: "pinyin", lang: "zh-Latn", text: pinyin }) : null,
      ),
    ),
  );
  yield button(t("show_this"), {
    className: "second",
    lang: app.words.code,
    dir: app.words.dir,
    icon: icon("show"),
    on: { click: () => showCard(app, { lines: spoken.map(({ chinese }) => chinese), urgent: true }) },
  });
}

/** "请报警。 (Qǐng bàojǐng.)" in its two halves. */
function split(line) {
  const found = line.match(/^(.*?)\s*\(([^()]*)\)\s*$/u);
  return found ? { chinese: found[1], pinyin: found[2] } : { chinese: line, pinyin: null };
}
