// The top of the window: who answers, the language, the menu.

import { button, h, save } from "./dom.js";
import { icon } from "./icons.js";
import { LANGUAGES } from "./i18n.js";
import { popup } from "./popup.js";
import { dataSheet, elsewhereSheet, emergencySheet, topicsSheet } from "./sheets.js";

export class Header {
  constructor(app) {
    const { t, words } = app;
    this.app = app;
    this.title = h("h1", { id: "linli-title", tabIndex: -1, text: t("title") });
    this.who = h("p", { className: "who" });
    this.languageButton = button(this.#name(words.code), { className: "bare language", icon: icon("globe") });
    this.languageButton.setAttribute("aria-label", t("language_now", { name: this.#name(words.code) }));
    this.menuButton = button(t("menu"), { className: "bare", quiet: true, icon: icon("menu") });
    this.sizeButton = button("", { className: "bare size", quiet: true, on: { click: () => this.#toggle() } });
    const closer = button(t("close"), {
      className: "bare",
      quiet: true,
      icon: icon("close"),
      on: { click: () => app.close() },
    });
    this.menu = popup(this.menuButton, t("menu"), () => this.#items());
    this.element = h(
      "div",
      { className: "head" },
      h("div", { className: "mark", "aria-hidden": "true", lang: "zh", text: "邻" }),
      h("div", { className: "names" }, this.title, this.who),
      popup(this.languageButton, t("language"), () => this.#languages()),
      this.menu,
      this.sizeButton,
      closer,
    );
    this.render();
  }

  /** Before the notice is accepted there is nothing to do in the menu. */
  restrict(before) {
    this.menu.hidden = before;
  }

  render() {
    const { t, chat, panel } = this.app;
    this.who.textContent = this.#status(t, chat);
    this.sizeButton.replaceChildren(icon(panel?.full ? "shrink" : "grow"));
    const label = t(panel?.full ? "exit_full_screen" : "full_screen");
    this.sizeButton.setAttribute("aria-label", label);
    this.sizeButton.title = label;
  }

  #status(t, { owner, operator }) {
    if (owner === "person") return t("subtitle_person", { name: operator ?? t("staff") });
    return t({ waiting: "subtitle_waiting", closed: "subtitle_closed" }[owner] ?? "subtitle_bot");
  }

  #toggle() {
    this.app.panel.toggle();
    this.render();
  }

  get #offered() {
    return this.app.chat?.config?.languages ?? LANGUAGES;
  }

  #name(code) {
    return this.#offered.find((language) => language.code === code)?.name ?? code;
  }

  #languages() {
    const { words, context } = this.app;
    return this.#offered.map(({ code, name }) => ({
      label: name,
      lang: code,
      checked: code === words.code,
      act: () => context.setLanguage(code),
    }));
  }

  #items() {
    const { app } = this;
    const { t, chat } = app;
    const has = Boolean(chat.api.session);
    const item = (key, drawing, act) => ({ label: t(key), icon: icon(drawing), act });
    return [
      chat.owner === "bot" || chat.owner === "closed" ? item("person", "person", () => app.person()) : null,
      item("topics", "topics", () => app.sheet.show(topicsSheet(app))),
      item("emergency", "phone", () => app.sheet.show(emergencySheet(app))),
      has ? item("transcript", "save", () => void this.#transcript()) : null,
      item("elsewhere", "device", () => app.sheet.show(elsewhereSheet(app))),
      has ? item("rate", "star", () => app.log.offerRating(chat.hadPerson ? "person" : "bot")) : null,
      item("my_data", "lock", () => app.sheet.show(dataSheet(app))),
    ];
  }

  async #transcript() {
    const { app } = this;
    try {
      save(await app.chat.transcript(), `linli-${new Date().toISOString().slice(0, 10)}.txt`);
    } catch {
      app.banners.trouble();
    }
  }
}
