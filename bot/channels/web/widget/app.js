// The chat: fetched by the loader on the first click. Here the parts meet; each part is a module of its own.

import { Banners } from "./banners.js";
import { Chat } from "./chat.js";
import { Composer } from "./composer.js";
import { backoff } from "./connection.js";
import { consentView } from "./consent.js";
import { h } from "./dom.js";
import { Header } from "./header.js";
import { loadWords } from "./i18n.js";
import { Log } from "./log.js";
import { Panel } from "./panel.js";
import { QueueBar } from "./queue.js";
import { leavingCard } from "./rating.js";
import { Sheet } from "./sheet.js";

const ANSWERS_WORTH_RATING = 3;

/** Loads words and style and gives the running chat; throws when they cannot be fetched. */
export async function mount(host, context) {
  const [words, sheet] = await Promise.all([loadWords(context.files, context.language), stylesheet(context.files)]);
  const { root } = context;
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  return new App(context, words);
}

let styles = null;

function stylesheet(files) {
  styles ??= fetch(new URL("style.css", files), { credentials: "omit" })
    .then(async (response) => {
      if (!response.ok) throw new Error(`style.css: ${response.status}`);
      return new CSSStyleSheet().replace(await response.text());
    })
    .catch((error) => {
      styles = null;
      throw error;
    });
  return styles;
}

/** On a touch screen the focus of a text field opens the keyboard, which covers half of what there is to read. */
const touch = () => matchMedia("(pointer: coarse)").matches;

class App {
  #retry = null;
  #offered = false;

  constructor(context, words) {
    this.context = context;
    this.words = words;
    this.locker = context.locker;
    this.files = context.files;
    this.life = new AbortController();
    this.chat = new Chat(context);
    this.polite = h("div", { className: "vh", role: "status" });
    this.alert = h("div", { className: "vh", role: "alert" });
    this.panel = new Panel(this);
    context.root.append(this.panel.element);
    this.#build();
    this.chat.addEventListener("change", ({ detail }) => this.#changed(detail), { signal: this.life.signal });
    this.chat.addEventListener("personleft", () => this.log.offerRating("person"), { signal: this.life.signal });
    this.chat.addEventListener("refresh", () => context.refresh(), { signal: this.life.signal });
    this.chat.addEventListener("ended", () => this.say(this.t("ended")), { signal: this.life.signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal: this.life.signal });
    void this.#start();
  }

  /** The word for `key`; see Words.t. */
  t = (key, params) => this.words.t(key, params);

  // --- what the loader calls ------------------------------------------------------------------------------------

  open({ focus }) {
    this.leaving?.remove();
    this.panel.show();
    this.context.shown(true);
    if (focus) this.focus();
    this.log.arrive();
    this.#look();
  }

  close() {
    if (!this.panel.shown) return;
    this.panel.hide();
    this.#offerRating();
    this.context.shown(false);
  }

  async language(code) {
    try {
      const words = await loadWords(this.files, code);
      if (this.life.signal.aborted) return;
      this.words = words;
      this.chat.language = code;
      this.#rebuild();
      await this.chat.speak(code);
    } catch {
      this.say(this.t("error"));
    }
  }

  async page(name) {
    await this.chat.goto(name).catch(() => {});
  }

  destroy() {
    clearTimeout(this.#retry);
    this.life.abort();
    this.chat.destroy();
    this.log.destroy();
    this.panel.destroy();
    this.panel.element.remove();
    this.leaving?.remove();
  }

  // --- what parts call ------------------------------------------------------------------------------------------

  /** Read out by a screen reader, politely. */
  say(text) {
    this.polite.textContent = "";
    setTimeout(() => (this.polite.textContent = text), 50);
  }

  /** Read out at once. */
  warn(text) {
    this.alert.textContent = "";
    setTimeout(() => (this.alert.textContent = text), 50);
  }

  /** Where the next thing is to be done. */
  focus() {
    if (this.sheet.open) this.sheet.focus();
    else if (this.stage === "consent") this.consent.querySelector("h2").focus();
    else if (this.stage === "chat" && !touch()) this.composer.focus();
    else this.header.title.focus();
  }

  /** Something is done: the resident may want to write. */
  ready() {
    if (!touch()) this.composer.focus();
  }

  person() {
    this.sheet.close();
    this.chat.say(this.t("person_request"));
    this.log.toEnd();
  }

  ask(text) {
    this.sheet.close();
    this.chat.say(text);
    this.log.toEnd();
    this.ready();
  }

  // --- putting it together --------------------------------------------------------------------------------------

  async #start(failures = 1) {
    try {
      await this.chat.start();
    } catch (error) {
      this.banners.unreachable(error);
      if (error.status !== 403) this.#retry = setTimeout(() => void this.#start(failures + 1), backoff(failures));
    }
  }

  #build() {
    this.header = new Header(this);
    this.banners = new Banners(this);
    this.log ??= new Log(this);
    this.queue = new QueueBar(this);
    this.composer = new Composer(this);
    this.sheet = new Sheet(this);
    this.consent = null;
    this.body = h("div", { className: "body" });
    this.panel.fill(this.header.element, this.banners.element, this.body, this.sheet.element, this.polite, this.alert);
    this.#stage();
  }

  #rebuild() {
    const had = this.panel.element.contains(this.context.root.activeElement);
    this.#build();
    this.log.retell();
    this.#changed(new Set(["messages", "state", "typing", "status", "config"]));
    if (had && this.panel.shown) this.header.languageButton.focus();
  }

  /** What the panel shows: the notice first, then the chat; a line when the widget is switched off. */
  #stage({ anew = false } = {}) {
    const stage = this.#which();
    if (stage === this.stage && this.body.firstChild && !anew) return;
    const before = this.stage;
    this.stage = stage;
    this.consent = stage === "consent" ? consentView(this) : null;
    this.body.replaceChildren(...this.#contents(stage));
    this.header.restrict(stage !== "chat");
    if (stage === "chat") this.log.arrive();
    // Opened before the settings were there, the title had to take the focus: pass it on to where things are done.
    const held = this.context.root.activeElement === this.header.title;
    if (this.panel.shown && before !== stage && (stage === "consent" || before === "consent" || held)) this.focus();
  }

  #which() {
    const { config } = this.chat;
    if (!config) return "loading";
    if (!config.switches.widget) return "off";
    return this.chat.consented ? "chat" : "consent";
  }

  #contents(stage) {
    if (stage === "consent") return [this.consent];
    if (stage === "loading") return [h("p", { className: "quiet-line", text: this.t("loading") })];
    if (stage === "off")
      return [
        h("p", { className: "quiet-line", dir: "auto", text: this.chat.config.switches.text ?? this.t("widget_off") }),
      ];
    return [this.log.element, this.queue.element, this.composer.element];
  }

  #changed(topics) {
    if (topics.has("config") || topics.has("consent")) {
      // A new text of the notice is a new view.
      this.#stage({ anew: topics.has("config") && this.stage === "consent" });
    }
    if (topics.has("config") || topics.has("status")) this.banners.render();
    if (topics.has("config") || topics.has("state") || topics.has("status")) {
      this.header.render();
      this.queue.render();
      this.composer.render();
    }
    if (topics.has("messages") || topics.has("typing") || topics.has("state") || topics.has("config"))
      this.log.render();
    this.#look();
  }

  /** Marks as seen what is on the screen, and tells the launcher what is not. */
  #look() {
    const looking = this.panel.shown && this.stage === "chat" && document.visibilityState === "visible";
    if (looking) this.log.see();
    this.context.setUnread(this.panel.shown ? 0 : this.chat.unread);
  }

  #offerRating() {
    const answers = this.chat.ordered.filter(({ kind }) => kind === "article").length;
    if (this.#offered || this.locker.get("rated") || answers < ANSWERS_WORTH_RATING || this.chat.owner !== "bot")
      return;
    this.#offered = true;
    this.leaving = leavingCard(this, this.chat.hadPerson ? "person" : "bot");
    this.context.dock.prepend(this.leaving);
  }
}
