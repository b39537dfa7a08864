// The call-back form, under the message that says that nobody is there.

import { complain, field, h, once } from "./dom.js";

const VALID = { phone: /^\+?[\d\s().-]{5,24}$/, email: /^[^\s@]+@[^\s@]+\.[^\s@]+$/ };
const KINDS = ["phone", "email"];

export function callbackForm(app, message) {
  const place = h("div", { className: "callback", lang: app.words.code, dir: app.words.dir });
  const done = app.locker.get("done.callback");
  place.append(done?.seq === message.seq ? receipt(app, done) : form(app, message, place));
  return place;
}

function form(app, { seq }, place) {
  const { t, chat } = app;
  const id = `linli-callback-${seq}`;
  const value = h("input", { required: true, dir: "ltr" });
  const holder = h("div");
  let contact = "phone";
  const choose = (kind) => {
    contact = kind;
    value.type = kind === "phone" ? "tel" : "email";
    value.setAttribute("autocomplete", kind === "phone" ? "tel" : "email");
    holder.replaceChildren(field(`${id}-value`, t(`callback_${kind}`), value, t(`callback_example_${kind}`)));
  };
  const radio = (kind) =>
    h(
      "label",
      { className: "radio" },
      h("input", {
        type: "radio",
        name: id,
        value: kind,
        checked: kind === contact,
        on: { change: () => choose(kind) },
      }),
      h("span", { text: t(`contact_${kind}`) }),
    );
  const words = h("textarea", { rows: "2", maxlength: "500", dir: "auto" });
  const wrong = h("p", { className: "wrong", role: "alert", hidden: true });
  const send = h("button", { type: "submit", className: "primary", text: t("callback_send") });
  const element = h(
    "form",
    { novalidate: true },
    h("fieldset", {}, h("legend", { text: t("callback_how") }), h("div", { className: "radios" }, KINDS.map(radio))),
    holder,
    field(`${id}-words`, t("callback_words"), words),
    wrong,
    h("div", { className: "actions" }, send),
  );
  choose(contact);
  const ask = async () => {
    const given = value.value.trim();
    if (!VALID[contact].test(given)) return complain(value, t(`callback_bad_${contact}`));
    complain(value, null);
    try {
      const answer = await chat.callback({
        contact,
        value: given,
        ...(words.value.trim() && { words: words.value.trim() }),
      });
      app.locker.set("done.callback", { seq, reference: answer.reference, promised: answer.promised });
      place.replaceChildren(receipt(app, answer));
      place.firstChild.focus();
    } catch (error) {
      wrong.textContent = t(error.code === "rate_limited" ? "slow_down" : "error");
      wrong.hidden = false;
    }
    return undefined;
  };
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void once(send, ask);
  });
  return element;
}

function receipt(app, { reference, promised }) {
  const { t, words } = app;
  return h(
    "div",
    { className: "receipt", role: "status", tabIndex: -1 },
    h("p", { text: t("callback_done") }),
    h(
      "dl",
      {},
      h("dt", { text: t("callback_reference") }),
      h("dd", {}, h("bdi", { dir: "ltr", className: "digits", text: reference })),
    ),
    h("p", { text: t("callback_promised", { time: words.moment(promised) }) }),
  );
}
