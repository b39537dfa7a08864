// A page inside the window, over the conversation: it has a title, a way back, and takes the focus.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";

export class Sheet {
  #before = null;

  constructor(app) {
    this.app = app;
    this.element = h("section", { className: "sheet", hidden: true, "aria-labelledby": "linli-sheet" });
  }

  get open() {
    return !this.element.hidden;
  }

  /** `page`: {title, content: [nodes]}. */
  show({ title, content }) {
    const { t, body, context } = this.app;
    if (!this.open) this.#before = context.root.activeElement;
    const back = button(t("back"), {
      className: "bare back",
      quiet: true,
      icon: icon("back", "turns"),
      on: { click: () => this.close() },
    });
    this.heading = h("h2", { id: "linli-sheet", tabIndex: -1, text: title });
    this.element.replaceChildren(
      h("div", { className: "sheet-head" }, back, this.heading),
      h("div", { className: "sheet-body" }, ...content),
    );
    this.element.hidden = false;
    body.inert = true;
    this.focus();
  }

  focus() {
    this.heading.focus();
  }

  close() {
    if (!this.open) return;
    this.element.hidden = true;
    this.element.replaceChildren();
    this.app.body.inert = false;
    this.#before?.focus();
    // What opened it may be gone or hidden by now.
    if (!this.#before || this.app.context.root.activeElement !== this.#before) this.app.focus();
  }
}
