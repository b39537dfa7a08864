// The window: where it stands, how large it is, and that focus stays in it while it covers the page.

import { button, h } from "./dom.js";
import { icon } from "./icons.js";

const SMALL = "(max-width: 479.98px), (max-height: 479.98px)";
const LEAST = { w: 340, h: 420 };
const STEP = 24;

export class Panel {
  constructor(app) {
    this.app = app;
    this.shown = false;
    this.full = Boolean(app.locker.get("full"));
    this.small = matchMedia(SMALL);
    this.element = h("dialog", { className: "panel", "aria-labelledby": "linli-title" });
    this.frame = h("div", { className: "frame" });
    this.grip = button("", { className: "grip", quiet: true, icon: icon("grow") });
    this.element.append(this.frame, this.grip);
    const { signal } = app.life;
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("cancel", (event) => event.preventDefault());
    // The browser closes a modal dialog by itself when it is asked twice.
    this.element.addEventListener("close", () => this.shown && !this.element.open && app.close());
    this.small.addEventListener("change", () => this.#mode(), { signal });
    visualViewport?.addEventListener("resize", () => this.#fit(), { signal });
    visualViewport?.addEventListener("scroll", () => this.#fit(), { signal });
    this.#grips();
    this.#size(app.locker.get("size"));
  }

  fill(...parts) {
    const { words } = this.app;
    this.element.lang = words.code;
    this.element.dir = words.dir;
    this.grip.setAttribute("aria-label", this.app.t("resize"));
    this.grip.title = this.app.t("resize");
    this.frame.replaceChildren(...parts);
  }

  show() {
    if (this.shown) return;
    this.shown = true;
    this.#mode();
  }

  hide() {
    this.shown = false;
    this.element.close();
  }

  get covers() {
    return this.full || this.small.matches;
  }

  toggle() {
    this.full = !this.full;
    this.app.locker.set("full", this.full || null);
    this.#mode();
  }

  destroy() {
    this.shown = false;
    if (this.element.open) this.element.close();
  }

  /** Modal while it covers the page: then the browser keeps focus and screen readers inside. */
  #mode() {
    this.element.classList.toggle("full", this.full && !this.small.matches);
    this.element.classList.toggle("covers", this.covers);
    this.grip.hidden = this.covers;
    this.#fit();
    if (!this.shown) return;
    const focused = this.app.context.root.activeElement;
    const modal = this.covers;
    if (this.element.open && this.element.matches(":modal") === modal) return;
    this.#reopen(modal);
    if (focused && this.element.contains(focused)) focused.focus();
  }

  #reopen(modal) {
    const shown = this.shown;
    this.shown = false;
    if (this.element.open) this.element.close();
    if (modal) this.element.showModal();
    else this.element.show();
    this.shown = shown;
  }

  /** A phone's keyboard covers the lower part of the page, not only ours: stay in what is left. */
  #fit() {
    const view = visualViewport;
    const covered = this.covers && view && view.scale === 1 && innerHeight - view.height > 80;
    this.element.style.setProperty("--view", covered ? `${view.height}px` : "100dvh");
    this.element.style.setProperty("--view-top", covered ? `${view.offsetTop}px` : "0px");
  }

  #size(size) {
    for (const side of ["w", "h"]) {
      if (size) this.element.style.setProperty(`--${side}`, `${Math.max(LEAST[side], size[side])}px`);
      else this.element.style.removeProperty(`--${side}`);
    }
  }

  #resize(w, height) {
    const size = { w: Math.round(Math.min(w, innerWidth - 32)), h: Math.round(Math.min(height, innerHeight - 32)) };
    this.#size(size);
    this.app.locker.set("size", size);
  }

  #grips() {
    this.grip.addEventListener("pointerdown", (event) => this.#drag(event));
    this.grip.addEventListener("keydown", (event) => this.#nudge(event));
    this.grip.addEventListener("dblclick", () => {
      this.#size(null);
      this.app.locker.set("size", null);
    });
  }

  #drag(start) {
    const box = this.element.getBoundingClientRect();
    const sign = this.app.words.dir === "rtl" ? 1 : -1;
    const moved = (event) =>
      this.#resize(box.width + sign * (event.clientX - start.clientX), box.height - (event.clientY - start.clientY));
    const done = new AbortController();
    const { signal } = done;
    this.grip.setPointerCapture(start.pointerId);
    this.grip.addEventListener("pointermove", moved, { signal });
    for (const end of ["pointerup", "pointercancel"]) this.grip.addEventListener(end, () => done.abort(), { signal });
    start.preventDefault();
  }

  #nudge(event) {
    const outward = this.app.words.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
    const inward = this.app.words.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const by = { [outward]: [STEP, 0], [inward]: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (!by) return;
    event.preventDefault();
    const box = this.element.getBoundingClientRect();
    this.#resize(box.width + by[0], box.height + by[1]);
  }

  /** Escape closes the innermost thing that is open. Menus have taken theirs before it comes here. */
  #key(event) {
    if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.app.sheet.open) this.app.sheet.close();
    else this.app.close();
  }
}
