// Lines between header and log: notices of the city, what is switched off, the state of the line.

import { Unreachable } from "./api.js";
import { button, h } from "./dom.js";
import { icon } from "./icons.js";
import { linkified } from "./linkify.js";

/** A line that drops and comes back at once is not worth a banner. */
const LOST_MS = 2500;
const TROUBLE_MS = 8000;

export class Banners {
  #failure = null;
  #timer = null;
  #lost = false;

  constructor(app) {
    this.app = app;
    this.element = h("div", { className: "banners" });
    this.line = h("div", { role: "status" });
    this.fixed = h("div", {});
    this.element.append(this.fixed, this.line);
    this.render();
  }

  /** The settings could not be fetched. */
  unreachable(error) {
    this.#failure = error instanceof Unreachable ? "offline_start" : error.status === 403 ? "forbidden" : "error";
    this.render();
  }

  /** Something that was asked for did not work. */
  trouble(key = "error") {
    this.line.replaceChildren(this.#line("alert", this.app.t(key), "warning"));
    setTimeout(() => this.render(), TROUBLE_MS);
  }

  render() {
    const { chat } = this.app;
    if (chat.config) this.#failure = null;
    this.fixed.replaceChildren(...this.#notices(chat.config));
    const state = this.#state(chat);
    this.line.replaceChildren(...(state ? [state] : []));
  }

  #state(chat) {
    const { t } = this.app;
    if (!navigator.onLine) return this.#line("offline", t("offline"), "warning");
    if (this.#failure) return this.#line("alert", t(this.#failure), "warning");
    if (chat.status === "forbidden") return this.#line("alert", t("forbidden"), "warning");
    const lost = chat.status === "lost";
    if (lost && !this.#lost) this.#timer ??= setTimeout(() => ((this.#lost = true), this.render()), LOST_MS);
    if (!lost) {
      clearTimeout(this.#timer);
      this.#timer = null;
      this.#lost = false;
    }
    return lost && this.#lost ? this.#line("again", t("reconnecting"), "warning") : null;
  }

  #notices(config) {
    if (!config) return [];
    const { t, locker } = this.app;
    const closed = locker.get("dismissed") ?? [];
    const off =
      config.switches.widget && !config.switches.bot
        ? [this.#line("info", config.switches.text ?? t("bot_off"), "warning")]
        : [];
    const shown = config.notices.filter(({ id, severity }) => severity === "emergency" || !closed.includes(id));
    return [...shown.map((notice) => this.#notice(notice)), ...off];
  }

  #notice({ id, severity, text, until }) {
    const { t, words, locker } = this.app;
    const emergency = severity === "emergency";
    const words_ = h(
      "div",
      { className: "banner-text" },
      h(
        "p",
        { dir: "auto" },
        h("strong", { text: `${t(emergency ? "important" : "information")} ` }),
        linkified(text, { urgent: emergency }),
      ),
    );
    if (until) words_.append(h("p", { className: "small", text: t("until", { time: words.moment(until) }) }));
    const dismiss = () => {
      locker.set("dismissed", [...(locker.get("dismissed") ?? []), id].slice(-20));
      this.render();
      this.app.focus();
    };
    const closer = emergency
      ? null
      : button(t("dismiss"), { className: "bare", quiet: true, icon: icon("close"), on: { click: dismiss } });
    return h(
      "div",
      { className: `banner ${emergency ? "emergency" : "info"}` },
      icon(emergency ? "alert" : "info"),
      words_,
      closer,
    );
  }

  #line(drawing, text, kind) {
    return h(
      "div",
      { className: `banner ${kind}` },
      icon(drawing),
      h("p", { className: "banner-text", dir: "auto", text }),
    );
  }
}
