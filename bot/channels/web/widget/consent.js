// The AI and privacy notice: the first thing a resident sees. Nothing is stored or sent before "Continue".

import { button, h, once } from "./dom.js";
import { icon } from "./icons.js";
import { linkified, outward } from "./linkify.js";

export function consentView(app) {
  const { t, chat } = app;
  const { ai, privacy, url } = chat.config.notice;
  const wrong = h("p", { className: "wrong", role: "alert", hidden: true });
  const go = button(t("continue"), { className: "primary" });
  const accept = async () => {
    try {
      await chat.consent();
    } catch {
      wrong.hidden = false;
      wrong.textContent = t("error");
    }
  };
  go.addEventListener("click", () => void once(go, accept));
  const more = url && outward(url, t("notice_more"));
  const paragraph = (drawing, text) =>
    h("div", { className: "point" }, icon(drawing), h("p", { dir: "auto" }, linkified(text)));
  return h(
    "section",
    { className: "consent", "aria-labelledby": "linli-notice" },
    h("h2", { id: "linli-notice", tabIndex: -1, text: t("notice_title") }),
    paragraph("chat", ai),
    paragraph("lock", privacy),
    more ? h("p", { className: "more" }, more) : null,
    h(
      "div",
      { className: "going" },
      wrong,
      go,
      h("p", { className: "small" }, linkified(t("notice_emergency"), { urgent: true })),
    ),
  );
}
