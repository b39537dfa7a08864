// The conversation on the screen. Rendering is by key: an element stays as long as what it shows stays the same, so a
// thousand messages cost little and nobody loses focus or place.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";
import { renderMessage, renderPending } from "./message.js";
import { ratingCard } from "./rating.js";

const WINDOW = 200;
const MORE = 100;
const NEAR_PX = 80;
const MARGIN_PX = 12;
const QUIET_MS = 1200;

export class Log {
  #drawn = new Map();
  #shown = WINDOW;
  #follows = true;
  #rating = null;
  #told = 0;
  #warned = new Set();
  /** Ticked documents, by message; for this page only. */
  ticks = new Map();

  constructor(app) {
    this.app = app;
    this.list = h("div", { className: "list" });
    this.scroller = h(
      "div",
      { className: "log", role: "log", tabIndex: 0, on: { scroll: () => this.#scrolled() } },
      this.list,
    );
    this.newer = h("button", { type: "button", className: "newer", hidden: true, on: { click: () => this.toEnd() } });
    this.typing = h("div", { className: "typing", role: "status" });
    this.element = h("div", { className: "log-wrap" }, this.scroller, this.newer, this.typing);
    this.watcher = new ResizeObserver(() => this.#follows && this.#down());
    this.watcher.observe(this.scroller);
    this.#quietly();
    this.retell();
  }

  destroy() {
    this.watcher.disconnect();
    clearTimeout(this.loud);
  }

  /** The language changed: everything is said again, but not read out again. */
  retell() {
    this.#drawn.clear();
    this.#quietly();
    this.scroller.setAttribute("aria-label", this.app.t("log"));
    this.newer.replaceChildren(icon("down"), h("span", { text: this.app.t("new_messages") }));
    this.render();
  }

  /** The panel has opened: where the conversation stands now. */
  arrive() {
    this.#quietly();
    this.render();
    requestAnimationFrame(() => this.#down());
  }

  /** A live region reads everything that is put into it: not the history. */
  #quietly() {
    this.scroller.setAttribute("aria-live", "off");
    clearTimeout(this.loud);
    this.loud = setTimeout(() => {
      if (this.app.chat.api.session && !this.app.chat.full) this.#quietly();
      else this.scroller.setAttribute("aria-live", "polite");
    }, QUIET_MS);
  }

  toEnd() {
    this.#follows = true;
    this.render();
    this.#down();
  }

  offerRating(who) {
    this.#rating = ratingCard(this.app, who, () => {
      this.#rating = null;
      this.render();
      this.app.ready();
    });
    this.toEnd();
    if (this.app.panel.shown) this.#rating.querySelector("input")?.focus({ preventScroll: true });
  }

  see() {
    const last = this.app.chat.ordered.findLast(({ direction }) => direction === "out");
    if (!last) return;
    const element = this.#drawn.get(`m${last.seq}`)?.element;
    const box = this.scroller.getBoundingClientRect();
    if (element && box.height > 0 && element.getBoundingClientRect().top < box.bottom) this.app.chat.see(last.seq);
  }

  // --- drawing --------------------------------------------------------------------------------------------------

  render() {
    const { chat } = this.app;
    if (!chat.config) return;
    const focus = this.#focused();
    const messages = chat.ordered;
    const items = [...this.#greeting(messages), ...this.#messages(messages), ...this.#pending()];
    if (this.#rating) items.push({ key: "rating", sign: "", make: () => this.#rating });
    this.#place(items);
    this.#type();
    this.#refocus(focus);
    this.#arrived(messages);
  }

  *#greeting(messages) {
    const { app } = this;
    const hidden = messages.length - this.#shown;
    if (hidden > 0) {
      yield { key: "earlier", sign: "", make: () => this.#earlier() };
      return;
    }
    const { topics } = app.chat.config;
    yield { key: "greeting", sign: JSON.stringify([app.words.code, topics]), make: () => this.#hello(topics) };
  }

  #hello(topics) {
    const { app } = this;
    const topic = ({ title, text }) => button(title, { className: "choice", on: { click: () => app.ask(text) } });
    return h(
      "section",
      { className: "hello" },
      h("h2", { text: app.t("greeting_title") }),
      h("p", { text: app.t("greeting_text") }),
      h("div", { className: "topics", role: "group", "aria-label": app.t("topics") }, topics.map(topic)),
    );
  }

  #earlier() {
    const more = () => {
      const before = this.scroller.scrollHeight - this.scroller.scrollTop;
      this.#shown += MORE;
      this.#follows = false;
      this.#quietly();
      this.render();
      this.scroller.scrollTop = this.scroller.scrollHeight - before;
      this.scroller.focus({ preventScroll: true });
    };
    return h(
      "div",
      { className: "earlier" },
      button(this.app.t("earlier"), { className: "second", on: { click: more } }),
    );
  }

  *#messages(messages) {
    const { app } = this;
    const shown = messages.slice(-this.#shown);
    const said = new Map(messages.filter(({ direction }) => direction === "in").map(({ text, seq }) => [text, seq]));
    const lastOwn = shown.findLast(({ direction }) => direction === "in")?.seq;
    let before = null;
    for (const message of shown) {
      const day = new Date(message.at).toDateString();
      if (day !== before?.day)
        yield { key: `d${day}`, sign: "", make: () => h("p", { className: "day", text: app.words.day(message.at) }) };
      const who = `${message.author} ${message.name}`;
      const look = {
        first: who !== before?.who || day !== before?.day,
        state: message.seq === lastOwn ? (app.chat.reacted(message.seq) ? "seen" : "sent") : null,
        chosen: message.buttons.filter(({ title }) => said.get(title) > message.seq).map(({ title }) => title),
      };
      yield {
        key: `m${message.seq}`,
        sign: JSON.stringify([message, look]),
        make: () => renderMessage(app, message, look),
      };
      before = { day, who: message.kind === "event" ? null : who };
    }
  }

  *#pending() {
    for (const entry of this.app.chat.pending) {
      const { key, state, why } = entry;
      if (state === "failed" && !this.#warned.has(key)) {
        this.#warned.add(key);
        this.app.warn(this.app.t("failed"));
      }
      const offline = !navigator.onLine;
      yield {
        key: `p${key}`,
        sign: JSON.stringify([state, why, offline]),
        make: () => renderPending(this.app, entry, offline),
      };
    }
  }

  /** Brings the list to `items`, moving and making only what differs. */
  #place(items) {
    const keys = new Set(items.map(({ key }) => key));
    for (const [key, { element }] of this.#drawn) {
      if (keys.has(key)) continue;
      element.remove();
      this.#drawn.delete(key);
    }
    let at = this.list.firstChild;
    for (const { key, sign, make } of items) {
      const drawn = this.#drawn.get(key);
      if (drawn?.sign === sign && drawn.element.isConnected) {
        if (drawn.element === at) at = at.nextSibling;
        else this.list.insertBefore(drawn.element, at);
        continue;
      }
      const element = make();
      if (at === drawn?.element && at) at = at.nextSibling;
      drawn?.element.remove();
      this.list.insertBefore(element, at);
      this.#drawn.set(key, { sign, element });
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  #type() {
    const { typing, operator } = this.app.chat;
    const { t } = this.app;
    const text = typing.person
      ? t("typing_person", { name: operator ?? t("staff") })
      : typing.bot
        ? t("typing_bot")
        : "";
    if (this.typing.dataset.text === text) return;
    this.typing.dataset.text = text;
    const dots = h("span", { className: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    this.typing.replaceChildren(...(text ? [dots, h("span", { text })] : []));
  }

  // --- focus and place ------------------------------------------------------------------------------------------

  #focused() {
    const active = this.app.context.root.activeElement;
    return active && this.list.contains(active) ? { active, name: active.dataset.focus } : null;
  }

  /** A message that was drawn anew under the resident's focus keeps it. */
  #refocus(focus) {
    if (!focus || focus.active.isConnected) return;
    const name = focus.name && CSS.escape(focus.name);
    const successor =
      name &&
      (this.list.querySelector(`[data-focus="${name}"]`) ?? this.list.querySelector(`[data-focus-after="${name}"]`));
    (successor ?? this.scroller).focus({ preventScroll: true });
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    if (this.#follows) this.newer.hidden = true;
    if (this.app.panel.shown) this.see();
  }

  #down() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.newer.hidden = true;
  }

  /**
   * New messages: show their beginning, not their end; or say that they are there when the resident reads further
   * up.
   */
  #arrived(messages) {
    const fresh = messages.filter(({ seq }) => seq > this.#told);
    this.#told = messages.at(-1)?.seq ?? 0;
    if (!fresh.length) {
      if (this.#follows) this.#down();
      return;
    }
    for (const { kind, text } of fresh)
      if (kind === "urgent" && this.scroller.getAttribute("aria-live") === "polite") this.app.warn(text);
    const answer = fresh.find(({ direction }) => direction === "out");
    if (!this.#follows) this.newer.hidden = !answer;
    else if (!answer || fresh.length > 20) this.#down();
    else this.#upTo(this.#drawn.get(`m${answer.seq}`)?.element);
  }

  #upTo(element) {
    if (!element) return;
    const top =
      element.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top + this.scroller.scrollTop;
    this.scroller.scrollTop = Math.min(top - MARGIN_PX, this.scroller.scrollHeight);
    this.#scrolled();
  }
}
