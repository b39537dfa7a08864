// Brings the outbox to the server: by the socket, else by HTTP, each entry until it is taken or refused for good.

import { Refused, Unreachable } from "./api.js";

const ACCEPT_MS = 10_000;
const OFFLINE_MS = 5000;
const OTHERS_MS = 5000;
const ENDED_MS = 1000;
const RETRY_S = 3;
const TRIES = 4;
/** What an error frame would have been over HTTP, where it is not the sender's fault. */
const STATUS = { rate_limited: 429, busy: 429, proof_needed: 429, unavailable: 503, internal: 500, bad_token: 401 };

export class Sender {
  #pumping = false;
  #waiting = new Map();
  #later = null;

  constructor(chat) {
    this.chat = chat;
  }

  stop() {
    clearTimeout(this.#later);
  }

  /** Sends what waits, one after the other, so that the order stays. */
  async pump() {
    const { outbox, life, consented } = this.chat;
    if (this.#pumping || !consented) return;
    this.#pumping = true;
    this.stop();
    try {
      for (let entry; (entry = outbox.next()) && !life.signal.aborted;) {
        const pause = await this.#deliver(entry);
        this.chat.changed("messages");
        if (pause !== null) return this.#again(pause);
      }
    } finally {
      this.#pumping = false;
    }
    // What another tab has not managed to send becomes ours after a while.
    return outbox.entries.some(({ state }) => state === "waiting" || state === "sending") && this.#again(OTHERS_MS);
  }

  accepted({ key, seq }) {
    this.#waiting.get(key)?.resolve(seq);
  }

  refused({ key, code, retry_after: retry }) {
    this.#waiting.get(key)?.reject(new Refused(STATUS[code] ?? 400, code, retry));
  }

  #again(ms) {
    if (!this.chat.life.signal.aborted) this.#later = setTimeout(() => void this.pump(), ms);
  }

  /** Null when the entry is dealt with, else milliseconds to wait before trying again. */
  async #deliver(entry) {
    const { chat } = this;
    if (!navigator.onLine) return OFFLINE_MS;
    chat.outbox.change(entry.key, { state: "sending" });
    chat.changed("messages");
    try {
      const seq = (await this.#bySocket(entry)) ?? (await this.#byHttp(entry));
      chat.outbox.change(entry.key, { state: "taken", seq });
      chat.settle();
      return null;
    } catch (error) {
      return this.#undelivered(entry, error);
    }
  }

  #undelivered({ key, tries = 0 }, error) {
    const { chat } = this;
    if (error.status === 401) {
      // The conversation is over; what was written goes into the next one.
      chat.outbox.change(key, { state: "waiting" });
      chat.ended();
      return ENDED_MS;
    }
    const lost = error instanceof Unreachable;
    const tried = lost ? tries : tries + 1;
    if ((lost || error.status === 429 || error.status >= 500) && tried < TRIES) {
      chat.outbox.change(key, { state: "waiting", tries: tried });
      return (error.retry ?? RETRY_S) * 1000;
    }
    chat.outbox.change(key, { state: "failed", why: error.code ?? null, tries: 0 });
    return null;
  }

  #body({ key, text, button, language, chosen }) {
    const said = button ? { button } : { text };
    return { key, ...said, ...(chosen && { language }), locale: navigator.language };
  }

  /** The sequence number, or null when the socket is not there or says nothing in time. */
  async #bySocket(entry, proof) {
    const { connection, api } = this.chat;
    const answer = this.#answer(entry.key);
    try {
      if (!connection.send({ type: "send", ...this.#body(entry), ...(proof && { proof }) })) return null;
      return await answer.promise;
    } catch (error) {
      if (error.code !== "proof_needed" || proof) throw error;
      return this.#bySocket(entry, await api.proof());
    } finally {
      answer.forget();
    }
  }

  #answer(key) {
    const answer = {};
    answer.promise = new Promise((resolve, reject) => Object.assign(answer, { resolve, reject }));
    const timer = setTimeout(() => answer.resolve(null), ACCEPT_MS);
    answer.forget = () => {
      clearTimeout(timer);
      if (this.#waiting.get(key) === answer) this.#waiting.delete(key);
    };
    this.#waiting.set(key, answer);
    return answer;
  }

  async #byHttp(entry) {
    const { chat } = this;
    if (!chat.api.session) await chat.begin();
    const { seq } = await chat.api.call("POST", "messages", { body: this.#body(entry) });
    chat.connect();
    return seq;
  }
}
