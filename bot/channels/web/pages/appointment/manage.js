// What changes an appointment: the date of birth first, then another time, or none.

import { button, complain, h, once } from "/widget/dom.js";
import { newKey } from "./api.js";

const OTHER_DIGITS = [0x0660, 0x06f0, 0xff10];

/**
 * The part of the page in which an appointment is changed. `app`: {words, api, appointment, update(appointment, key,
 * params), fail(failure, place)}.
 */
export function manage(app) {
  const { own } = app.words;
  const one = app.appointment;
  const place = h("div", { className: "place" });
  const section = h(
    "section",
    { className: "manage", "aria-labelledby": "manage-title" },
    h("h2", { id: "manage-title", tabIndex: -1, text: own.t("manage") }),
    one.changeable ? h("p", { className: "note" }, own.rich("until", { time: own.full(one.changeable_until) })) : null,
    place,
  );
  if (one.known) begin(app, place);
  else place.replaceChildren(birthForm(app));
  return section;
}

function begin(app, place) {
  const { own } = app.words;
  if (!app.appointment.changeable) {
    place.replaceChildren(h("p", {}, own.rich("too_late")));
    return;
  }
  const move = button(own.t("move"), { className: "primary" });
  const cancel = button(own.t("cancel"), { className: "second danger" });
  move.addEventListener("click", () => once(move, () => choose(app, place)));
  cancel.addEventListener("click", () => sureToCancel(app, place));
  place.replaceChildren(h("div", { className: "tools" }, move, cancel));
}

/** Three fields and no calendar: nobody wants to turn back forty years of pages. */
function birthForm(app) {
  const { own } = app.words;
  const fields = ["year", "month", "day"].map((name) => part(own, name, name === "year" ? 4 : 2));
  const wrong = h("p", { className: "wrong", id: "born-wrong", hidden: true });
  const go = h("button", { type: "submit", className: "primary", text: own.t("continue") });
  const form = h(
    "form",
    { novalidate: true, className: "field" },
    h("p", { id: "born-why" }, own.rich("born_why")),
    h(
      "fieldset",
      { "aria-describedby": "born-why born-wrong" },
      h("legend", { text: own.t("born") }),
      h("div", { className: "birth" }, fields.map(({ label, input }) => h("div", {}, label, input))),
    ),
    wrong,
    go,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(go, () => verify(app, fields.map(({ input }) => input)));
  });
  return form;
}

function part(own, name, digits) {
  const input = h("input", { id: `born-${name}`, inputmode: "numeric", autocomplete: "off", maxlength: digits });
  return { label: h("label", { htmlFor: input.id, text: own.t(name) }), input };
}

async function verify(app, inputs) {
  const { own } = app.words;
  const born = date(...inputs.map((input) => number(input.value)));
  if (born === null) {
    complain(inputs[0], own.t("born_bad"));
    return;
  }
  try {
    app.update(await app.api.verify(born), null, "#manage-title");
  } catch (failure) {
    const locked = failure.code === "rate_limited" && failure.until;
    if (failure.code === "unknown_code") complain(inputs[0], own.t("born_wrong"));
    else if (locked) complain(inputs[0], own.t("born_locked", { time: own.clock(failure.until) }));
    else app.fail(failure);
  }
}

/** A whole number in the digits of any of our scripts; NaN for anything else. */
function number(text) {
  const western = [...text.trim()].map((sign) => {
    const zero = OTHER_DIGITS.find((first) => sign.codePointAt(0) - first >= 0 && sign.codePointAt(0) - first < 10);
    return zero === undefined ? sign : String(sign.codePointAt(0) - zero);
  });
  return /^\d+$/.test(western.join("")) ? Number(western.join("")) : NaN;
}

/** An ISO date, or null when there is no such day. */
function date(year, month, day) {
  const at = new Date(Date.UTC(year, month - 1, day));
  const same = at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
  return same && year > 1880 && at <= new Date() ? at.toISOString().slice(0, 10) : null;
}

function sureToCancel(app, place) {
  const { own } = app.words;
  const yes = button(own.t("cancel_yes"), { className: "primary danger" });
  yes.addEventListener("click", () =>
    once(yes, () => app.attempt(async () => app.update(await app.api.cancel(), own.t("cancelled"), "#title"))),
  );
  ask(app, place, own.rich("cancel_sure"), yes, own.t("keep"), () => {
    begin(app, place);
    place.querySelector(".danger").focus();
  });
}

/** A question with two answers, the focus on it. */
function ask(app, place, question, yes, no, back) {
  const text = h("p", { className: "question", tabIndex: -1 }, question);
  place.replaceChildren(text, h("div", { className: "tools" }, yes, button(no, { className: "second", on: { click: back } })));
  text.focus();
}

async function choose(app, place) {
  const found = await app.attempt(() => app.api.openings());
  if (found !== undefined) show(app, place, found);
}

function show(app, place, found, chosenDay = null) {
  const { own } = app.words;
  const days = Map.groupBy ? Map.groupBy(found.openings, dayOf) : grouped(found.openings);
  const back = button(own.t("back"), { className: "second", on: { click: () => backToStart(app, place) } });
  const heading = h("h3", { tabIndex: -1, text: own.t("openings") });
  if (days.size === 0) {
    place.replaceChildren(heading, h("p", {}, own.rich("openings_none")), back);
    heading.focus();
    return;
  }
  const select = h(
    "select",
    { id: "opening-day" },
    [...days].map(([day, slots]) => h("option", { value: day, text: own.day(slots[0].starts_at) })),
  );
  const times = h("div", { className: "times", role: "group", "aria-label": own.t("openings_time") });
  const fill = () => times.replaceChildren(...days.get(select.value).map((slot) => time(app, place, found, slot)));
  select.addEventListener("change", fill);
  if (days.has(chosenDay)) select.value = chosenDay;
  fill();
  const label = h("label", { htmlFor: select.id, text: own.t("openings_day") });
  place.replaceChildren(heading, h("div", { className: "field" }, label, select), times, back);
  heading.focus();
}

const dayOf = (slot) => slot.starts_at.slice(0, 10);

function grouped(slots) {
  const days = new Map();
  for (const slot of slots) days.set(dayOf(slot), [...(days.get(dayOf(slot)) ?? []), slot]);
  return days;
}

function backToStart(app, place) {
  begin(app, place);
  place.querySelector("button")?.focus();
}

function time(app, place, found, slot) {
  const { own } = app.words;
  const campus = Object.keys(found.campuses).length > 1 ? found.campuses[slot.campus]?.[own.code] : null;
  const more = [
    slot.international ? own.t("slot_international") : null,
    campus,
    slot.languages.length ? own.t("slot_languages", { languages: own.languageNames(slot.languages) }) : null,
    slot.fee_fen === null ? null : own.yuan(slot.fee_fen),
  ].filter(Boolean);
  return h(
    "button",
    { type: "button", className: "time", on: { click: () => sureToMove(app, place, found, slot) } },
    h("bdi", { text: own.clock(slot.starts_at) }),
    more.length ? h("span", { className: "note" }, own.apart(more.join(" · "))) : null,
  );
}

function sureToMove(app, place, found, slot) {
  const { own } = app.words;
  const key = newKey();
  const yes = button(own.t("move_yes"), { className: "primary" });
  const move = async () => {
    const moved = await app.api.change(slot.id, key);
    app.update(moved, own.t("moved", { time: own.full(moved.starts_at) }), "#title");
  };
  yes.addEventListener("click", () => once(yes, () => app.attempt(move, () => choose(app, place))));
  const again = () => show(app, place, found, dayOf(slot));
  ask(app, place, own.rich("move_sure", { time: own.full(slot.starts_at) }), yes, own.t("back"), again);
}
