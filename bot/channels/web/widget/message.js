// One message. Every piece of text carries its language and finds its own direction.

import { button, h } from "./dom.js";
import { callbackForm } from "./callback.js";
import { documents, office, provenance, sayLine, steps, urgentBody } from "./cards.js";
import { choices } from "./choices.js";
import { feedback } from "./feedback.js";
import { icon } from "./icons.js";
import { linkified } from "./linkify.js";
import { direction } from "./i18n.js";

const POINT = "• ";
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
      h("p", { dir: "auto" }, linkified(entry.title)),
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

/**
 * Lines that begin with a point become a list. The assistant writes in the message's language whatever word comes
 * first; of staff that is not known.
 */
function* paragraphs({ author }, text) {
  const dir = author === "bot" ? null : "auto";
  const points = (lines) =>
    h(
      "ul",
      { className: "points" },
      lines.map((line) => h("li", { dir }, linkified(line.slice(POINT.length)))),
    );
  const prose = (lines) => h("p", { dir }, linkified(lines.join("\n")));
  for (const lines of runs(text.split("\n"), (line) => line.startsWith(POINT)))
    yield lines[0].startsWith(POINT) ? points(lines) : prose(lines);
}

/** Neighbours for which `test` says the same, together. */
function runs(lines, test) {
  const found = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last && test(last[0]) === test(line)) last.push(line);
    else found.push([line]);
  }
  return found;
}

function* answer(app, message) {
  const { text, say } = sayLine(message);
  for (const paragraph of text.split(/\n{2,}/)) if (paragraph.trim()) yield* paragraphs(message, paragraph);
  if (message.steps.length) yield steps(app, message);
  if (message.documents.length) yield documents(app, message);
  if (say) yield say.card(app);
  if (message.office) yield office(app, message);
  if (message.source || message.checked_on) yield provenance(app, message);
}
