// The conversation as this tab knows it: messages, what is on its way, who answers. Views listen to its "change"
// events, whose detail is a Set of topics: messages, state, typing, status, config, consent.

import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { Outbox } from "./outbox.js";
import { Sender } from "./sender.js";

const TYPING_MS = 30_000;
const OUR_TYPING_MS = 3000;
const FILL_MS = 1500;

export class Chat extends EventTarget {
  #changed = null;
  #typed = 0;
  #typingTimers = {};
  #told = null;

  constructor(context) {
    super();
    this.locker = context.locker;
    this.language = context.language;
    this.pageName = context.page;
    this.api = new Api(context);
    this.outbox = new Outbox(context.locker);
    this.life = new AbortController();
    this.connection = new Connection(this.api, {
      frame: (frame) => this.#frame(frame),
      status: (status) => this.#status(status),
      lost: () => this.ended(),
      after: () => this.last,
    });
    this.sender = new Sender(this);
    this.config = null;
    this.reset();
    this.locker.watch((name) => this.#heard(name), this.life.signal);
    addEventListener("online", () => this.#online(true), { signal: this.life.signal });
    addEventListener("offline", () => this.#online(false), { signal: this.life.signal });
    addEventListener("pagehide", () => this.connection.stop(), { signal: this.life.signal });
    addEventListener("pageshow", ({ persisted }) => persisted && this.connect(), { signal: this.life.signal });
  }

  /** Forgets the conversation, not the settings. */
  reset() {
    this.messages = new Map();
    this.last = 0;
    this.owner = "bot";
    this.queue = null;
    this.operator = null;
    this.typing = { bot: false, person: false };
    this.seen = this.locker.get("seen") ?? 0;
    this.hadPerson = false;
    this.full = false;
    this.target = Infinity;
    this.#told = null;
  }

  destroy() {
    this.life.abort();
    this.connection.stop();
    this.sender.stop();
    for (const timer of Object.values(this.#typingTimers)) clearTimeout(timer);
  }

  // --- what views ask -------------------------------------------------------------------------------------------

  get ordered() {
    return [...this.messages.values()].sort((a, b) => a.seq - b.seq);
  }

  get pending() {
    return this.outbox.entries;
  }

  /**
   * Whether the language was chosen and not only guessed from the browser: then it wins over what a message is
   * written in.
   */
  get chosen() {
    return this.locker.get("language") !== null;
  }

  get status() {
    return navigator.onLine ? this.connection.status : "offline";
  }

  get consented() {
    const version = this.config?.notice.version;
    return version !== undefined && this.locker.get("notice") === version;
  }

  get unread() {
    return this.ordered.filter(({ seq, direction, kind }) => seq > this.seen && direction === "out" && kind !== "event")
      .length;
  }

  /** Seen: somebody has reacted to it or to something later. */
  reacted(seq) {
    const answered = this.ordered.some(
      (message) => message.direction === "out" && message.seq > seq && message.author !== "system",
    );
    return answered || this.typing.bot || this.typing.person;
  }

  // --- beginning ------------------------------------------------------------------------------------------------

  /** Fetches the settings and, where there is a conversation to go on with, connects. Throws Unreachable or Refused. */
  async start() {
    await this.configure();
    if (this.api.session && this.consented) this.connect();
  }

  async configure() {
    const query = { site: this.api.site, page: this.pageName, language: this.language };
    this.config = await this.api.open("config", query);
    this.changed("config");
  }

  connect() {
    if (this.api.session) this.connection.start();
  }

  /** The resident has read the AI and privacy notice. Only now a conversation begins. */
  async consent() {
    const { version } = this.config.notice;
    if (!this.api.session) await this.begin();
    await this.api.response("POST", "notice", { body: { version } });
    this.locker.set("notice", version);
    this.connect();
    this.changed("consent", "messages");
  }

  async begin() {
    this.#adopt(await this.api.begin({ ...(this.chosen && { language: this.language }), locale: navigator.language }));
  }

  #adopt({ owner, queue, seen_seq, notice_version }) {
    Object.assign(this, { owner, queue });
    this.#see(seen_seq ?? 0);
    if (notice_version) this.locker.set("notice", notice_version);
  }

  // --- sending --------------------------------------------------------------------------------------------------

  say(text) {
    this.#put({ text, title: text });
  }

  press({ title, payload }) {
    this.#put({ button: payload, title });
  }

  resend(key) {
    this.outbox.change(key, { state: "waiting", why: null, tab: this.outbox.tab });
    this.changed("messages");
    void this.sender.pump();
  }

  discard(key) {
    this.outbox.remove(key);
    this.changed("messages");
  }

  #put(said) {
    this.outbox.add({ ...said, language: this.language, chosen: this.chosen });
    this.changed("messages");
    void this.sender.pump();
  }

  // --- frames ---------------------------------------------------------------------------------------------------

  #frame(frame) {
    switch (frame.type) {
      case "welcome":
        this.#state(frame);
        this.#complete(frame.last_seq);
        void this.sender.pump();
        break;
      case "messages":
        this.#merge(frame.messages);
        break;
      case "accepted":
        this.sender.accepted(frame);
        break;
      case "typing":
        this.#types(frame.who, frame.on);
        break;
      case "state":
        this.#state(frame);
        break;
      case "refresh":
        void this.configure().catch(() => {});
        this.dispatchEvent(new Event("refresh"));
        break;
      case "error":
        this.sender.refused(frame);
        break;
    }
  }

  /**
   * History is complete once everything up to what the server has is here: until then nothing is drawn or announced.
   */
  #complete(last) {
    this.target = last;
    this.full = false;
    if (this.last >= last) this.#filled();
    // Numbers can be missing from a conversation: do not wait for them for ever.
    setTimeout(() => this.#filled(), FILL_MS);
  }

  #filled() {
    if (this.full) return;
    this.full = true;
    this.changed("messages", "typing");
    this.#translate();
  }

  /** Messages come as they were first said; the resident may have chosen another language since. */
  #translate() {
    const other = ({ author, lang }) => author === "bot" && lang !== this.language;
    if (!this.chosen || this.#told === this.language || !this.ordered.some(other)) return;
    this.#told = this.language;
    void this.#retell(this.language).catch(() => {});
  }

  #merge(messages) {
    for (const message of messages) {
      this.messages.set(message.seq, message);
      this.last = Math.max(this.last, message.seq);
      if (message.author === "person") this.hadPerson = true;
      if (message.direction === "out" && message.author !== "system")
        this.typing[message.author === "person" ? "person" : "bot"] = false;
    }
    this.settle();
    // History comes in pieces; it is drawn once.
    if (this.full) this.changed("messages", "typing");
    else if (this.last >= this.target) this.#filled();
  }

  settle() {
    this.outbox.settle(new Set(this.ordered.map(({ key }) => key).filter(Boolean)));
  }

  #state({ owner, queue, operator }) {
    const before = this.owner;
    Object.assign(this, { owner, queue, operator: operator ?? null });
    if (owner !== "person") this.typing.person = false;
    if (before === "person" && owner !== "person") {
      this.hadPerson = true;
      this.dispatchEvent(new Event("personleft"));
    }
    this.changed("state");
  }

  #types(who, on) {
    clearTimeout(this.#typingTimers[who]);
    if (on) this.#typingTimers[who] = setTimeout(() => this.#types(who, false), TYPING_MS);
    if (this.typing[who] === on) return;
    this.typing[who] = on;
    this.changed("typing", "messages");
  }

  #status(status) {
    if (status === "polling") {
      this.#filled();
      void this.sender.pump();
    }
    this.changed("status");
  }

  #online(on) {
    this.changed("status");
    if (!on) return;
    this.connection.hurry();
    void this.sender.pump();
  }

  /** The token is dead: erased or expired. A new conversation begins with the next message. */
  ended() {
    this.connection.stop();
    this.api.forget();
    this.locker.set("seen", null);
    this.reset();
    this.dispatchEvent(new Event("ended"));
    this.changed("messages", "state", "consent");
  }

  // --- other tabs -----------------------------------------------------------------------------------------------

  #heard(name) {
    if (name === "outbox") {
      this.changed("messages");
      void this.sender.pump();
    }
    if (name === "seen") this.#see(this.locker.get("seen") ?? 0);
    if (name === "notice") this.changed("consent");
    if (name === "session" || name === "notice") this.#sessionElsewhere();
    if (name === "conversation") this.#restart();
    if (name.startsWith("done.")) this.changed("messages");
  }

  #sessionElsewhere() {
    if (!this.api.session) this.ended();
    else if (this.consented) this.connect();
  }

  /** Another conversation has taken this one's place (a code was redeemed). */
  #restart() {
    this.connection.stop();
    this.reset();
    this.connect();
    this.changed("messages", "state", "consent");
  }

  // --- the rest of the interface -----------------------------------------------------------------------------------

  /** Changes the language of everything that can be changed: words, settings, the bot's earlier messages. */
  async speak(code) {
    this.language = code;
    await this.configure();
    if (!this.api.session) return;
    await this.api.call("POST", "language", { body: { language: code } });
    await this.#retell(code);
  }

  async #retell(code) {
    for (let after = 0; after < this.last && this.language === code;) {
      const { messages } = await this.api.call("GET", "messages", { query: { after, wait: 0, language: code } });
      if (!messages.length) return;
      after = messages.at(-1).seq;
      this.#merge(messages);
    }
  }

  async goto(page) {
    this.pageName = this.api.page = page;
    await this.configure();
  }

  see(seq) {
    if (seq <= this.seen) return;
    this.#see(seq);
    this.locker.set("seen", seq);
    if (!this.connection.send({ type: "ack", seq }))
      void this.api.response("POST", "ack", { body: { seq } }).catch(() => {});
  }

  #see(seq) {
    this.seen = Math.max(seq, this.seen);
    this.changed("messages");
  }

  type() {
    const now = Date.now();
    if (this.owner !== "person" || now - this.#typed < OUR_TYPING_MS) return;
    this.#typed = now;
    this.connection.send({ type: "typing", on: true });
  }

  stopTyping() {
    if (this.#typed) this.connection.send({ type: "typing", on: false });
    this.#typed = 0;
  }

  async feedback(seq, value, reason) {
    await this.api.response("POST", "feedback", { body: { seq, value, ...(reason && { reason }) } });
    const message = this.messages.get(seq);
    if (message) this.#merge([{ ...message, feedback: value && { value, reason: reason ?? null } }]);
  }

  rate(who, stars, comment) {
    return this.api.response("POST", "rating", { body: { who, stars, ...(comment && { comment }) } });
  }

  callback(request) {
    return this.api.call("POST", "callback", { body: { ...request, language: this.language } });
  }

  async leaveQueue() {
    const { owner } = await this.api.call("POST", "leave-queue", { body: {} });
    this.#state({ owner, queue: null, operator: null });
  }

  async transcript() {
    return (await this.api.response("GET", "transcript", { query: { language: this.language } })).blob();
  }

  async export() {
    return (await this.api.response("GET", "export")).blob();
  }

  code() {
    return this.api.call("POST", "code", { body: {} });
  }

  async redeem(code) {
    this.connection.stop();
    try {
      const session = await this.api.redeem(code);
      this.locker.set("seen", null);
      this.reset();
      this.#adopt(session);
      this.outbox.clear();
      this.locker.set("conversation", Date.now());
    } finally {
      this.connect();
    }
    this.changed("messages", "state", "consent");
  }

  eraseAsked() {
    return this.api.call("POST", "erase", { body: {} });
  }

  /** Erases on the server, then here: {receipt, erased_at}. */
  async erase(confirm) {
    const receipt = await this.api.call("POST", "erase", { body: { confirm } });
    this.connection.stop();
    this.outbox.clear();
    for (const name of ["session", "seen", "notice", "rated", "done.callback"]) this.locker.set(name, null);
    this.reset();
    this.changed("messages", "state", "consent");
    return receipt;
  }

  /** Gathers the changes of one moment into one event. */
  changed(...topics) {
    if (this.life.signal.aborted) return;
    if (!this.#changed) {
      this.#changed = new Set();
      queueMicrotask(() => {
        const detail = this.#changed;
        this.#changed = null;
        this.dispatchEvent(new CustomEvent("change", { detail }));
      });
    }
    for (const topic of topics) this.#changed.add(topic);
  }
}
