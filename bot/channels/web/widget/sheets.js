// The pages that the menu opens.

import { button, complain, field, h, once, save } from "./dom.js";
import { icon } from "./icons.js";
import { telephone } from "./linkify.js";

const NUMBERS = ["110", "120", "119", "122"];
const CITY_NUMBERS = ["12345", "12367"];

export function topicsSheet(app) {
  const topic = ({ title, text }) =>
    h("li", {}, button(title, { className: "choice", on: { click: () => app.ask(text) } }));
  return {
    title: app.t("topics"),
    content: [h("ul", { className: "plain stack" }, (app.chat.config?.topics ?? []).map(topic))],
  };
}

export function emergencySheet(app) {
  const { t } = app;
  const number = (digits) =>
    h(
      "li",
      {},
      h(
        "a",
        { className: "call", href: telephone(digits) },
        icon("phone"),
        h("bdi", { className: "digits", text: digits }),
        h("span", { text: t(`number_${digits}`) }),
      ),
    );
  return {
    title: t("emergency"),
    content: [
      h("ul", { className: "plain stack alarm" }, NUMBERS.map(number)),
      h("ul", { className: "plain stack" }, CITY_NUMBERS.map(number)),
    ],
  };
}

export function elsewhereSheet(app) {
  const { t, chat } = app;
  const parts = [h("p", { text: t("elsewhere_text") })];
  if (chat.api.session) parts.push(codeMaker(app));
  parts.push(h("h3", { text: t("elsewhere_enter") }), codeTaker(app));
  return { title: t("elsewhere"), content: parts };
}

function codeMaker(app) {
  const { t, chat, words } = app;
  const place = h("div", { role: "status" });
  const make = button(t("elsewhere_get"), { className: "primary" });
  make.addEventListener("click", () =>
    working(make, place, app, async () => {
      const { code, expires_at } = await chat.code();
      const copy = button(t("copy"), { className: "second" });
      copy.addEventListener("click", () => copied(copy, code, t));
      place.replaceChildren(
        h("p", { className: "code" }, h("bdi", { dir: "ltr", text: code })),
        h("p", { className: "small", text: t("elsewhere_valid", { time: words.time(expires_at) }) }),
        copy,
      );
    }),
  );
  return h("div", { className: "stack" }, h("div", { className: "actions" }, make), place);
}

async function copied(control, text, t) {
  try {
    await navigator.clipboard.writeText(text);
    control.lastChild.textContent = t("copied");
  } catch {
    // No clipboard on this page: the code stands there to be read.
  }
}

function codeTaker(app) {
  const { t } = app;
  const input = h("input", {
    type: "text",
    autocomplete: "one-time-code",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: "20",
    dir: "ltr",
    required: true,
  });
  const go = h("button", { type: "submit", className: "second", text: t("elsewhere_go") });
  const form = h(
    "form",
    { novalidate: true },
    field("linli-code", t("elsewhere_label"), input),
    h("div", { className: "actions" }, go),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void once(go, () => redeem(app, input));
  });
  return form;
}

async function redeem(app, input) {
  const { t, chat, sheet } = app;
  const code = input.value.trim().toUpperCase();
  if (!code) return complain(input, t("elsewhere_bad"));
  try {
    await chat.redeem(code);
    return sheet.close();
  } catch (error) {
    return complain(input, t(REDEEM_ERRORS[error.code] ?? (error.status ? "elsewhere_bad" : "error")));
  }
}

const REDEEM_ERRORS = { rate_limited: "slow_down", unavailable: "error", internal: "error" };

export function dataSheet(app) {
  const { t, chat } = app;
  if (!chat.api.session) return { title: t("my_data"), content: [h("p", { text: t("my_data_none") })] };
  const place = h("div", { role: "status" });
  const take = button(t("export"), { className: "second", icon: icon("save") });
  take.addEventListener("click", () =>
    working(take, place, app, async () => save(await chat.export(), "linli-my-data.json")),
  );
  const erase = button(t("erase"), { className: "second grave", on: { click: () => app.sheet.show(eraseSheet(app)) } });
  return {
    title: t("my_data"),
    content: [h("p", { text: t("my_data_text") }), h("div", { className: "stack" }, take, erase, place)],
  };
}

function eraseSheet(app) {
  const { t, chat } = app;
  const place = h("div", { role: "status" });
  const yes = button(t("erase_confirm"), { className: "primary grave" });
  yes.addEventListener("click", () =>
    working(yes, place, app, async () => {
      const { confirm } = await chat.eraseAsked();
      const receipt = await chat.erase(confirm);
      app.sheet.show(receiptSheet(app, receipt));
    }),
  );
  const no = button(t("cancel"), { className: "second", on: { click: () => app.sheet.show(dataSheet(app)) } });
  return {
    title: t("erase"),
    content: [h("p", { text: t("erase_text") }), h("div", { className: "actions" }, no, yes), place],
  };
}

function receiptSheet(app, { receipt, erased_at }) {
  const { t, words } = app;
  const text = `${t("erased_title")}\n${t("erased_receipt")}: ${receipt}\n${erased_at}\n`;
  const keep = button(t("receipt_save"), {
    className: "second",
    icon: icon("save"),
    on: { click: () => save(new Blob([text], { type: "text/plain" }), "linli-receipt.txt") },
  });
  const again = button(t("start_new"), { className: "primary", on: { click: () => app.sheet.close() } });
  return {
    title: t("erased_title"),
    content: [
      h("p", { text: t("erased_text") }),
      h(
        "dl",
        {},
        h("dt", { text: t("erased_receipt") }),
        h("dd", {}, h("bdi", { dir: "ltr", text: receipt })),
        h("dt", { text: t("erased_when") }),
        h("dd", { text: words.moment(erased_at) }),
      ),
      h("div", { className: "actions" }, keep, again),
    ],
  };
}

/** Runs `work` for a button; a failure is said in `place`. */
function working(control, place, app, work) {
  return once(control, async () => {
    try {
      await work();
    } catch (error) {
      place.replaceChildren(
        h("p", { className: "wrong", text: app.t(error.code === "rate_limited" ? "slow_down" : "error") }),
      );
    }
  });
}
