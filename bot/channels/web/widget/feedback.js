// Thumbs under an answer; after a "no" the reason, so that editors know what to mend.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";

const REASONS = ["wrong", "unclear", "outdated", "not_my_case"];

export function feedback(app, message) {
  const { seq, feedback: given } = message;
  const thumbs = [thumb(app, message, "up"), thumb(app, message, "down")];
  const row = h(
    "div",
    { className: "feedback", role: "group", "aria-label": app.t("helpful") },
    h("span", {
      className: "asked",
      text: app.t(given?.value === "up" || given?.reason ? "thanks_feedback" : "helpful"),
    }),
    ...thumbs,
  );
  if (given?.value !== "down") return row;
  return h("div", {}, row, given.reason ? null : reasons(app, seq));
}

function thumb(app, { seq, feedback: given }, value) {
  const on = given?.value === value;
  return button(app.t(`thumbs_${value}`), {
    className: `bare thumb ${on ? "on" : ""}`,
    quiet: true,
    icon: icon(`${value}_thumb`),
    "aria-pressed": String(on),
    "data-focus": `${value}${seq}`,
    "data-focus-after": value === "down" ? `r${seq}` : null,
    on: { click: () => void send(app, seq, on ? null : value) },
  });
}

function reasons(app, seq) {
  const reason = (name) =>
    button(app.t(`reason_${name}`), {
      className: "choice",
      on: { click: () => void send(app, seq, "down", name) },
      "data-focus": `r${seq}`,
    });
  return h(
    "div",
    { className: "reasons", role: "group", "aria-label": app.t("why") },
    h("p", { className: "asked", text: app.t("why") }),
    h("div", { className: "choices" }, REASONS.map(reason)),
  );
}

async function send(app, seq, value, reason) {
  try {
    await app.chat.feedback(seq, value, reason);
    if (value === "up" || reason) app.say(app.t("thanks_feedback"));
    else if (value === "down") app.say(app.t("why"));
  } catch {
    app.banners.trouble();
  }
}
