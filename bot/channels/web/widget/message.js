// One message. Every piece of text carries its language and finds its own direction.

import { button, h } from "./dom.js";
import { callbackForm } from "./callback.js";
import { documents, office, provenance, sayLine, steps, urgentBody } from "./cards.js";
import { feedback } from "./feedback.js";
import { icon } from "./icons.js";
import { linkified } from "./linkify.js";
import { direction } from "./i18n.js";

const STATES = { sent: "check", seen: "checks" };

/** `look`: {first of its author, state of an own message or null, chosen button titles}. */
export function renderMessage(app, message, look) {
  if (message.kind === "event")
    return h("p", { className: "event", lang: message.lang, dir: "auto", text: message.text });
  const own = message.direction === "in";
  const element = h("div", { className: `message ${own ? "own" : "theirs"} ${message.author} ${message.kind}` });
  if (look.first || own) element.append(author(app, message, own));
  element.append(bubble(app, message));
  if (message.buttons.length && !message.withdrawn) element.append(choices(app, message, look.chosen));
  if (!own && message.kind === "article" && !message.withdrawn) element.append(feedback(app, message));
  if (look.state) element.append(stateLine(app, look.state, message.at));
  return element;
}

/** An entry of the outbox. */
export function renderPending(app, entry, offline) {
  const { t, chat } = app;
  const element = h(
    "div",
    { className: `message own pending ${entry.state}` },
    h("span", { className: "vh", text: `${t("you")}: ` }),
    h(
      "div",
      { className: "bubble", dir: "auto", lang: entry.language ?? "" },
      h("p", { dir: "auto", text: entry.title }),
    ),
  );
  if (entry.state !== "failed") {
    element.append(stateLine(app, entry.state === "taken" ? "sent" : offline ? "queued" : "sending", null));
    return element;
  }
  const again = button(t("resend"), {
    className: "link",
    icon: icon("again"),
    on: { click: () => chat.resend(entry.key) },
  });
  const drop = button(t("discard"), { className: "link", on: { click: () => (chat.discard(entry.key), app.ready()) } });
  const why = t({ rate_limited: "slow_down", text_too_long: "too_long_refused" }[entry.why] ?? "failed");
  element.append(h("div", { className: "state failed" }, icon("alert"), h("span", { text: why }), again, drop));
  return element;
}

function author(app, message, own) {
  const { t } = app;
  if (own) return h("span", { className: "vh", text: `${t("you")}: ` });
  const name = message.author === "person" ? (message.name ?? t("staff")) : t("bot");
  const time = h("time", { datetime: message.at, text: app.words.time(message.at) });
  return h("p", { className: "author" }, h("strong", {}, h("bdi", { text: name })), " ", time);
}

function stateLine(app, state, at) {
  const { t, words } = app;
  const drawing = icon(STATES[state] ?? "clock");
  return h(
    "p",
    { className: `state ${state}` },
    drawing,
    h("span", { text: [t(state), at && words.time(at)].filter(Boolean).join(" · ") }),
  );
}

function bubble(app, message) {
  const { lang } = message;
  if (message.withdrawn)
    return h("div", { className: "bubble withdrawn", lang: app.words.code }, h("p", { text: app.t("withdrawn") }));
  const box = h("div", { className: "bubble", lang, dir: direction(lang) });
  if (message.kind === "urgent") box.append(...urgentBody(app, message));
  else if (message.direction === "in") box.append(h("p", { dir: "auto" }, linkified(message.text)));
  else box.append(...answer(app, message));
  if (message.kind === "callback") box.append(callbackForm(app, message));
  return box;
}

function* answer(app, message) {
  const { text, say } = sayLine(message);
  for (const paragraph of text.split(/\n{2,}/)) {
    if (paragraph.trim()) yield h("p", { dir: "auto" }, linkified(paragraph));
  }
  if (message.steps.length) yield steps(app, message);
  if (message.documents.length) yield documents(app, message);
  if (say) yield say.card(app);
  if (message.office) yield office(app, message);
  if (message.source || message.checked_on) yield provenance(app, message);
}

/** Buttons stay usable: residents go back and choose another. What was chosen is marked. */
function choices(app, message, chosen) {
  const pending = new Set(app.chat.pending.map(({ button: payload }) => payload));
  const choice = ({ title, payload }) => {
    const done = chosen.includes(title) || pending.has(payload);
    const control = button(title, {
      className: `choice ${done ? "chosen" : ""}`,
      icon: done ? icon("check") : null,
      lang: message.lang,
      "data-focus": `b${payload}`,
      on: { click: () => (app.chat.press({ title, payload }), app.log.toEnd()) },
    });
    if (done) control.append(h("span", { className: "vh", text: ` (${app.t("chosen")})` }));
    return control;
  };
  return h("div", { className: "choices" }, message.buttons.map(choice));
}
