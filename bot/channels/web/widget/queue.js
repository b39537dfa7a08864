// While the resident waits for a person: the place in the queue, and the way out of it.

import { button, h } from "./dom.js";

export class QueueBar {
  constructor(app) {
    this.app = app;
    this.words = h("p", { role: "status" });
    const stay = button(app.t("leave_queue"), { className: "second", on: { click: () => void this.#leave() } });
    this.element = h("div", { className: "queue", hidden: true }, this.words, stay);
    this.render();
  }

  render() {
    const { chat } = this.app;
    this.element.hidden = chat.owner !== "waiting";
    const text = chat.queue ? this.#text(chat.queue) : this.app.t("subtitle_waiting");
    if (this.words.textContent !== text) this.words.textContent = text;
  }

  /**
   * Numbers are said in the interface's own words, so that they follow its language; without a time the server says
   * why.
   */
  #text({ position, minutes, text }) {
    const { t } = this.app;
    const place = position ? t("queue_position", { n: position }) : null;
    const time = minutes === null || minutes === undefined ? text : t("queue_minutes", { n: minutes });
    return [place, time].filter(Boolean).join(" · ");
  }

  async #leave() {
    try {
      await this.app.chat.leaveQueue();
      this.app.ready();
    } catch {
      this.app.banners.trouble();
    }
  }
}
