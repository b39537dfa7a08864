// How was it? The bot and a person are rated apart.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";

const STARS = [1, 2, 3, 4, 5];

/** The card in the log; `done` is called when it is sent or put aside. */
export function ratingCard(app, who, done) {
  const { t } = app;
  const { box, value } = stars(app, who);
  const comment = h("textarea", {
    rows: "2",
    maxlength: "500",
    dir: "auto",
    "aria-label": t("rate_comment"),
    placeholder: t("rate_comment"),
  });
  const wrong = h("p", { className: "wrong", role: "alert", hidden: true });
  const form = h(
    "form",
    { className: "card rating", novalidate: true },
    box,
    comment,
    wrong,
    h(
      "div",
      { className: "actions" },
      button(t("not_now"), { className: "second", on: { click: done } }),
      h("button", { type: "submit", className: "primary", text: t("rate_send") }),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = value();
    if (!chosen) return fail(wrong, t("rate_choose"));
    try {
      await rate(app, who, chosen, comment.value.trim());
      thank(form, app);
      setTimeout(done, 4000);
    } catch {
      fail(wrong, t("error"));
    }
    return undefined;
  });
  return form;
}

/** The small card at the launcher, once, when the resident leaves after some answers. */
export function leavingCard(app, who) {
  const { t, words } = app;
  const card = h("div", {
    className: "card leaving",
    role: "region",
    "aria-label": t("rate"),
    lang: words.code,
    dir: words.dir,
  });
  const { box, value } = stars(app, who);
  const away = () => {
    app.locker.set("rated", true);
    card.remove();
    app.context.dock.querySelector(".launch").focus();
  };
  const send = button(t("rate_send"), { className: "primary" });
  send.addEventListener("click", async () => {
    if (!value()) return box.querySelector("input").focus();
    try {
      await rate(app, who, value());
    } finally {
      thank(card, app);
      setTimeout(() => card.remove(), 4000);
    }
    return undefined;
  });
  card.append(
    box,
    h("div", { className: "actions" }, button(t("not_now"), { className: "second", on: { click: away } }), send),
  );
  return card;
}

async function rate(app, who, chosen, comment) {
  await app.chat.rate(who, chosen, comment);
  app.locker.set("rated", true);
}

function thank(place, app) {
  place.replaceChildren(h("p", { role: "status", tabIndex: -1, text: app.t("rate_thanks") }));
  place.firstChild.focus();
}

function fail(wrong, text) {
  wrong.textContent = text;
  wrong.hidden = false;
}

let count = 0;

function stars(app, who) {
  const { t } = app;
  const name = `linli-stars-${(count += 1)}`;
  const star = (n) =>
    h(
      "label",
      { title: t("stars", { n }) },
      h("input", {
        type: "radio",
        name,
        value: String(n),
        "aria-label": t("stars", { n }),
        className: "vh",
        on: { change: () => fill(box, n) },
      }),
      icon("star"),
    );
  const box = h(
    "fieldset",
    { className: "stars" },
    h("legend", { text: t(who === "person" ? "rate_person" : "rate_bot") }),
    h("div", {}, STARS.map(star)),
  );
  return { box, value: () => Number(box.querySelector("input:checked")?.value ?? 0) };
}

function fill(box, n) {
  box.querySelectorAll("label").forEach((label, index) => label.classList.toggle("on", index < n));
}
