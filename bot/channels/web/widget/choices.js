// The buttons under a message: chips that wrap, times under their day, and the ways out in a row of their own.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";

const MANY = 6;
/** "Tuesday, 1 December, 14:00": a day, what a language puts between, and a time. */
const MOMENT = /^(.+?)(?:\s(?:à|a las|lúc|الساعة))?[\s,،]*(\d{2}:\d{2}(?: Uhr)?)$/u;

/** Buttons stay usable: residents go back and choose another. What was chosen is marked. */
export function choices(app, message, chosen) {
  const { t, chat } = app;
  const ways = new Set([t("back"), t("stop_booking")]);
  const pending = new Set(chat.pending.map(({ button: payload }) => payload));
  const chip = ({ title, payload }, shown = title) => {
    const done = chosen.includes(title) || pending.has(payload);
    const control = button(shown, {
      className: ["choice", ways.has(title) && "way", done && "chosen"].filter(Boolean).join(" "),
      icon: done ? icon("check") : null,
      lang: message.lang,
      "aria-label": shown === title ? null : done ? `${title} (${t("chosen")})` : title,
      "data-focus": `b${payload}`,
      on: { click: () => (chat.press({ title, payload }), app.log.toEnd()) },
    });
    if (done) control.append(h("span", { className: "vh", text: ` (${t("chosen")})` }));
    return control;
  };
  const offered = message.buttons.filter(({ title }) => !ways.has(title));
  const out = message.buttons.filter(({ title }) => ways.has(title));
  const { days, others } = byDay(offered);
  const many = offered.length > MANY ? "many" : "";
  return h(
    "div",
    { className: "choices" },
    days.map(([day, times]) => dayGroup(message, day, times, chip)),
    others.length ? h("div", { className: `chips ${many}` }, others.map((one) => chip(one))) : null,
    out.length ? h("div", { className: "chips ways" }, out.map((one) => chip(one))) : null,
  );
}

function dayGroup({ lang }, day, times, chip) {
  return h(
    "div",
    { className: "times", role: "group", "aria-label": day, lang },
    h("p", { className: "times-day", text: day }),
    h("div", { className: "chips" }, times.map(({ one, time }) => chip(one, time))),
  );
}

/** {days: [day, [{one, time}]] for days with several times, others: the buttons that are left, in their order}. */
function byDay(buttons) {
  const days = new Map();
  for (const one of buttons) {
    const [, day, time] = one.title.match(MOMENT) ?? [];
    if (day) days.set(day, [...(days.get(day) ?? []), { one, time }]);
  }
  const grouped = [...days].filter(([, times]) => times.length > 1);
  const taken = new Set(grouped.flatMap(([, times]) => times.map(({ one }) => one)));
  return { days: grouped, others: buttons.filter((one) => !taken.has(one)) };
}
