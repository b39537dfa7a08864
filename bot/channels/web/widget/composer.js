// Where the resident writes.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";

/** The counter appears when this many characters are left. */
const COUNT_FROM = 400;
const TALLEST_PX = 168;

export class Composer {
  constructor(app) {
    const { t } = app;
    this.app = app;
    this.input = h("textarea", {
      id: "linli-text",
      rows: "1",
      dir: "auto",
      placeholder: t("placeholder"),
      "aria-label": t("message_label"),
      "aria-describedby": "linli-count",
      enterkeyhint: "send",
      autocomplete: "off",
      on: { input: () => this.#changed(), keydown: (event) => this.#key(event), blur: () => app.chat.stopTyping() },
    });
    this.send = button(t("send"), { className: "send", quiet: true, icon: icon("send"), type: "submit" });
    this.count = h("p", { className: "count", id: "linli-count", "aria-live": "off" });
    this.person = button(t("person"), { className: "link", icon: icon("person"), on: { click: () => app.person() } });
    this.desk = h("p", { className: "desk" });
    this.element = h(
      "form",
      { className: "composer", on: { submit: (event) => this.#submit(event) } },
      h("div", { className: "write" }, this.input, this.send),
      h("div", { className: "foot" }, this.person, this.desk, this.count),
    );
    this.input.value = app.locker.tab("draft") ?? "";
    this.render();
    this.#changed();
  }

  focus() {
    this.input.focus({ preventScroll: true });
  }

  render() {
    const { chat } = this.app;
    const { config } = chat;
    this.person.hidden = chat.owner === "person" || chat.owner === "waiting";
    this.desk.hidden = !config?.desk?.text;
    this.desk.classList.toggle("closed", !config?.desk?.open);
    this.desk.replaceChildren(
      h("span", { className: "dot", "aria-hidden": "true" }),
      h("span", { dir: "auto", text: config?.desk?.text ?? "" }),
    );
  }

  get #limit() {
    return this.app.chat.config?.limits?.text ?? 4000;
  }

  /** Characters as the server counts them: an emoji is one. */
  get #length() {
    const { value } = this.input;
    return value.length < this.#limit / 2 ? value.length : [...value.trim()].length;
  }

  #changed() {
    const { t, locker, chat } = this.app;
    const left = this.#limit - this.#length;
    this.count.textContent =
      left > COUNT_FROM ? "" : left >= 0 ? t("characters_left", { n: left }) : t("too_long", { n: -left });
    this.count.classList.toggle("over", left < 0);
    this.count.setAttribute("aria-live", left < 0 ? "polite" : "off");
    this.input.setAttribute("aria-invalid", String(left < 0));
    this.send.setAttribute("aria-disabled", String(!this.input.value.trim() || left < 0));
    locker.tab("draft", this.input.value);
    this.grow();
    if (this.input.value) chat.type();
  }

  grow() {
    this.input.style.blockSize = "auto";
    const { scrollHeight } = this.input;
    if (scrollHeight) this.input.style.blockSize = `${Math.min(scrollHeight + 2, TALLEST_PX)}px`;
  }

  /** Enter also ends the spelling of a Chinese or Japanese word: that Enter (229 in Safari) is not ours. */
  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.#submit(event);
  }

  #submit(event) {
    event.preventDefault();
    const text = this.input.value.trim();
    if (!text) return;
    if (this.#length > this.#limit) {
      this.app.warn(this.count.textContent);
      return;
    }
    this.input.value = "";
    this.app.chat.stopTyping();
    this.app.chat.say(text);
    this.#changed();
    this.app.log.toEnd();
    this.focus();
  }
}
