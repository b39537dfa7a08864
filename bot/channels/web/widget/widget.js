// The loader: <linli-widget site page lang>. It shows the launcher, emergency notices and the number of unread
// messages; the chat itself (app.js and the rest of this folder) is fetched on the first click.

const HERE = new URL(import.meta.url);
// Served as /widget.js beside /widget/, and also as /widget/widget.js.
const ROOT = new URL(HERE.pathname.endsWith("/widget/widget.js") ? "../" : "./", HERE);
const API = new URL("api/widget/", ROOT);
const FILES = new URL("widget/", ROOT);
const RTL = new Set(["ar"]);
// The chat's modules, asked for at once: found one by one through their imports they would take five round trips.
const PARTS = `api banners callback cards chat composer connection consent dom feedback header i18n icons linkify log message outbox panel
  popup proof queue rating sender sha256 sheet sheets showcard`;

const WORDS = {
  zh: { open: "问问邻里", unread: "新消息：{n}", close: "关闭这条通知", failed: "暂时无法打开，请再试一次" },
  en: {
    open: "Ask Linli",
    unread: "New messages: {n}",
    close: "Close this notice",
    failed: "Could not open. Please try again",
  },
  ja: {
    open: "Linliに聞く",
    unread: "新着メッセージ：{n}",
    close: "このお知らせを閉じる",
    failed: "開けませんでした。もう一度お試しください",
  },
  ko: {
    open: "Linli에게 묻기",
    unread: "새 메시지: {n}",
    close: "이 알림 닫기",
    failed: "열지 못했습니다. 다시 시도해 주세요",
  },
  fr: {
    open: "Demander à Linli",
    unread: "Nouveaux messages : {n}",
    close: "Fermer cet avis",
    failed: "Ouverture impossible. Veuillez réessayer",
  },
  de: {
    open: "Linli fragen",
    unread: "Neue Nachrichten: {n}",
    close: "Hinweis schließen",
    failed: "Öffnen nicht möglich. Bitte noch einmal versuchen",
  },
  es: {
    open: "Preguntar a Linli",
    unread: "Mensajes nuevos: {n}",
    close: "Cerrar este aviso",
    failed: "No se pudo abrir. Inténtelo de nuevo",
  },
  ru: {
    open: "Спросить Linli",
    unread: "Новых сообщений: {n}",
    close: "Закрыть уведомление",
    failed: "Не удалось открыть. Попробуйте ещё раз",
  },
  ar: {
    open: "اسأل Linli",
    unread: "رسائل جديدة: {n}",
    close: "إغلاق هذا التنبيه",
    failed: "تعذّر الفتح. يرجى المحاولة مرة أخرى",
  },
  vi: {
    open: "Hỏi Linli",
    unread: "Tin nhắn mới: {n}",
    close: "Đóng thông báo này",
    failed: "Chưa mở được. Vui lòng thử lại",
  },
};

const STYLE = `
:host { all: initial; --u: max(.0625rem, 1px); }
:host([hidden]) { display: none; }
.dock { --ink: #10242b; --paper: #fff; --line: #8a9ba1; --brand: #0b5563; --on-brand: #fff; --alarm: #a3231c; --focus: #0b5563;
  position: fixed; z-index: 2147483000; inset-block-end: calc(16px + env(safe-area-inset-bottom)); inset-inline-end: 16px;
  display: flex; flex-direction: column; align-items: flex-end; gap: 12px; max-inline-size: min(360px, calc(100vw - 32px));
  font: 400 calc(var(--u) * 15)/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei",
    "Noto Sans", "Noto Sans CJK SC", "Noto Sans Arabic", sans-serif; color: var(--ink); }
.dock[hidden], .dock [hidden] { display: none; }
button { font: inherit; color: inherit; cursor: pointer; }
.launch { display: inline-flex; align-items: center; gap: 10px; min-block-size: 52px; padding: 0 20px 0 16px; border: 1px solid transparent;
  border-radius: 26px; background: var(--brand); color: var(--on-brand); font-weight: 600; box-shadow: 0 2px 10px rgb(16 36 43 / .28); }
.launch:dir(rtl) { padding: 0 16px 0 20px; }
.launch:hover { filter: brightness(1.12); }
.launch[aria-busy=true] svg { opacity: .5; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
svg { inline-size: 24px; block-size: 24px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.badge { min-inline-size: 22px; padding-inline: 6px; box-sizing: border-box; border-radius: 11px; background: #fff; color: #a3231c;
  font-size: calc(var(--u) * 13); line-height: 22px; font-weight: 700; text-align: center; }
.note { display: flex; gap: 8px; align-items: flex-start; box-sizing: border-box; padding: 12px 14px; border-radius: 12px; background: var(--paper);
  border: 1px solid var(--line); border-inline-start: 5px solid var(--brand); box-shadow: 0 2px 14px rgb(16 36 43 / .18); }
.note.emergency { border-inline-start-color: var(--alarm); }
.note p { margin: 0; flex: 1; min-inline-size: 0; overflow-wrap: anywhere; }
.note button { inline-size: 32px; block-size: 32px; margin: -4px; padding: 4px; border: 0; border-radius: 8px; background: none; }
.quiet { margin: 0; padding: 8px 14px; border-radius: 12px; background: var(--paper); border: 1px solid var(--line); }
@media (prefers-color-scheme: dark) { .dock { --ink: #e7eef0; --paper: #182327; --line: #5b6f76; --brand: #8fd3dc; --on-brand: #06232a; --alarm: #ff9a90; --focus: #8fd3dc; } }
@media (max-width: 479.98px) { .launch { min-block-size: 56px; border-radius: 28px; } }
@media (pointer: coarse) { .note button { inline-size: 44px; block-size: 44px; padding: 10px; } }
@media (forced-colors: active) { .launch, .note, .quiet { border: 1px solid ButtonText; } }
@media print { .dock { display: none; } }
`;

/** Small JSON values in localStorage under one prefix a site; memory alone where the browser forbids storage. */
class Locker {
  constructor(site) {
    this.prefix = `linli.${site}.`;
    this.memory = new Map();
  }
  get(name) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + name));
    } catch {
      return this.memory.get(name) ?? null;
    }
  }
  set(name, value) {
    this.memory.set(name, value);
    try {
      if (value === null) localStorage.removeItem(this.prefix + name);
      else localStorage.setItem(this.prefix + name, JSON.stringify(value));
    } catch {
      // Private mode or a full disk: this page still works, only a reload forgets.
    }
  }
  /** The same for this tab alone. */
  tab(name, value) {
    try {
      if (value === undefined) return JSON.parse(sessionStorage.getItem(this.prefix + name));
      sessionStorage.setItem(this.prefix + name, JSON.stringify(value));
    } catch {
      // as above
    }
    return null;
  }
  /** Calls `changed(name)` when another tab wrote a value, until `signal` aborts. */
  watch(changed, signal) {
    const heard = ({ key }) => key?.startsWith(this.prefix) && changed(key.slice(this.prefix.length));
    addEventListener("storage", heard, { signal });
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw(...paths) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const d of paths) {
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

const known = (tag) => {
  const code = String(tag ?? "")
    .toLowerCase()
    .split("-")[0];
  return Object.hasOwn(WORDS, code) ? code : null;
};

class LinliWidget extends HTMLElement {
  static observedAttributes = ["lang", "page"];
  #app = null;
  #loading = null;
  #life = null;
  #unread = 0;
  #language = null;

  connectedCallback() {
    this.#life = new AbortController();
    this.site = this.getAttribute("site") || "default";
    this.locker = new Locker(this.site);
    this.#language = this.#resolve();
    this.#tell();
    this.#build();
    void this.#notices();
    this.locker.watch((name) => this.#heard(name), this.#life.signal);
    if (this.locker.tab("open")) void this.open({ focus: false });
    else if (this.locker.get("session")) void this.#missed();
  }

  disconnectedCallback() {
    this.#life.abort();
    this.#app?.destroy();
    this.#app = this.#loading = null;
    this.shadowRoot?.replaceChildren();
  }

  attributeChangedCallback(name, before, now) {
    if (!this.#life || this.#life.signal.aborted || before === now) return;
    if (name === "page") this.#app?.page(now);
    else if (known(now) && known(now) !== this.#language) this.language(known(now), true);
  }

  /** Opens the chat; the first time fetches it. */
  async open({ focus = true } = {}) {
    this.locker.tab("open", true);
    this.launch.setAttribute("aria-busy", "true");
    try {
      await this.#load();
      this.#app?.open({ focus });
    } catch {
      this.locker.tab("open", false);
      this.#quiet(this.#words.failed);
    } finally {
      this.launch.removeAttribute("aria-busy");
    }
  }

  /** Speaks `code` from now on. `chosen`: by the resident or the page, so it is remembered. */
  language(code, chosen) {
    this.#language = code;
    if (chosen) this.locker.set("language", code);
    this.#tell();
    this.#label();
    this.#app?.language(code);
    void this.#notices();
  }

  get #words() {
    return WORDS[this.#language];
  }

  #resolve() {
    const asked = [
      this.locker.get("language"),
      this.getAttribute("lang"),
      ...navigator.languages,
      document.documentElement.lang,
    ];
    return asked.map(known).find(Boolean) ?? "en";
  }

  /** `lang="auto"` is our word, not a language: say the real one. */
  #tell() {
    this.setAttribute("lang", this.#language);
    this.setAttribute("dir", RTL.has(this.#language) ? "rtl" : "ltr");
  }

  #build() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.dock = make("div", "dock");
    this.notes = make("div", "notes");
    this.notes.setAttribute("role", "status");
    this.launch = make("button", "launch");
    this.launch.type = "button";
    this.launch.setAttribute("aria-haspopup", "dialog");
    this.launch.setAttribute("aria-expanded", "false");
    this.launch.addEventListener("click", () => void this.open());
    this.caption = make("span");
    this.badge = make("span", "badge");
    this.badge.setAttribute("aria-hidden", "true");
    this.launch.append(
      draw("M4 5.5h16v11h-8.5L7 20.5v-4H4z", "M8.5 11h.01M12 11h.01M15.5 11h.01"),
      this.caption,
      this.badge,
    );
    this.dock.append(this.notes, this.launch);
    root.replaceChildren(this.dock);
    this.#label();
  }

  #label() {
    const { open, unread } = this.#words;
    this.dock.lang = this.#language;
    this.dock.dir = RTL.has(this.#language) ? "rtl" : "ltr";
    this.caption.textContent = open;
    this.badge.hidden = this.#unread === 0;
    this.badge.textContent = this.#unread > 99 ? "99+" : String(this.#unread);
    this.launch.setAttribute("aria-label", this.#unread ? `${open}. ${unread.replace("{n}", this.#unread)}` : open);
  }

  async #load() {
    if (!this.#loading) this.#warm();
    this.#loading ??= import(new URL("app.js", FILES).href)
      .then(({ mount }) => mount(this, this.#context()))
      .then((app) => (this.#life.signal.aborted ? app.destroy() : (this.#app = app)))
      .catch((error) => {
        this.#loading = null;
        throw error;
      });
    await this.#loading;
  }

  #warm() {
    const idle = () => {};
    for (const name of PARTS.split(/\s+/)) import(new URL(`${name}.js`, FILES).href).catch(idle);
    for (const file of ["style.css", `strings/${this.#language}.json`])
      fetch(new URL(file, FILES), { credentials: "omit" }).catch(idle);
  }

  #context() {
    return {
      root: this.shadowRoot,
      files: FILES,
      api: API,
      site: this.getAttribute("site"),
      page: this.getAttribute("page"),
      language: this.#language,
      locker: this.locker,
      dock: this.dock,
      setLanguage: (code) => this.language(code, true),
      setUnread: (count) => this.#count(count),
      shown: (open) => this.#shown(open),
      refresh: () => void this.#notices(),
    };
  }

  #shown(open) {
    this.locker.tab("open", open);
    this.launch.setAttribute("aria-expanded", String(open));
    this.dock.hidden = open;
    if (!open) this.launch.focus();
  }

  #count(count) {
    this.#unread = count;
    this.#label();
  }

  #heard(name) {
    if (name === "language" && known(this.locker.get("language")) && this.locker.get("language") !== this.#language) {
      this.language(this.locker.get("language"), false);
    } else if (name === "seen" && !this.#app) this.#count(0);
  }

  async #fetch(path, query, headers) {
    const url = new URL(path, API);
    for (const [key, value] of Object.entries(query)) if (value !== null) url.searchParams.set(key, value);
    const response = await fetch(url, { headers, credentials: "omit", signal: this.#life.signal });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  async #notices() {
    try {
      this.#show(await this.#fetch("notices", { site: this.getAttribute("site"), language: this.#language }));
    } catch {
      // Without the server there is nothing to tell; the launcher stays and says so when it is pressed.
    }
  }

  #show({ widget, text, notices }) {
    this.notes.replaceChildren();
    this.launch.hidden = !widget;
    if (!widget) {
      if (text) this.#quiet(text);
      return;
    }
    const closed = this.locker.get("closed") ?? [];
    for (const notice of notices) {
      if (notice.severity === "emergency" && !closed.includes(notice.id)) this.notes.append(this.#note(notice));
    }
  }

  #note(notice) {
    const box = make("div", `note ${notice.severity === "emergency" ? "emergency" : ""}`);
    const text = make("p", "", notice.text);
    text.dir = "auto";
    const close = make("button");
    close.type = "button";
    close.setAttribute("aria-label", this.#words.close);
    close.append(draw("M6 6l12 12M18 6L6 18"));
    // Closed here it still stands inside the chat while it holds.
    close.addEventListener("click", () => {
      this.locker.set("closed", [...(this.locker.get("closed") ?? []), notice.id].slice(-20));
      box.remove();
      this.launch.focus();
    });
    box.append(text, close);
    return box;
  }

  #quiet(text) {
    const line = make("p", "quiet", text);
    line.dir = "auto";
    this.notes.replaceChildren(line);
  }

  /** What came in while no page was open. Somebody who waits for a person keeps the line open: then load the chat. */
  async #missed() {
    try {
      const { token } = this.locker.get("session");
      const seen = this.locker.get("seen") ?? 0;
      const { messages, owner } = await this.#fetch("messages", { after: seen }, { Authorization: `Bearer ${token}` });
      this.#count(messages.filter(({ direction, kind }) => direction === "out" && kind !== "event").length);
      if (owner === "waiting" || owner === "person") await this.#load();
    } catch {
      // An expired token is renewed when the chat opens.
    }
  }
}

if (!customElements.get("linli-widget")) customElements.define("linli-widget", LinliWidget);
