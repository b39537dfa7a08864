// The line to the server: a WebSocket, and long polling where that does not get through. It only carries: what frames
// mean is chat.js's business.

import { Unreachable } from "./api.js";

const FALL_BACK_AFTER = 3;
const TRY_SOCKET_AGAIN_MS = 60_000;
const HEARTBEAT_MS = 25_000;
const PATIENCE_MS = 10_000;
const LONGEST_WAIT_MS = 30_000;
const POLL_S = 25;
const Close = { BAD_TOKEN: 4401, ORIGIN: 4403, REPLACED: 4409, TOO_MANY: 4429, RESTART: 1012 };

/** Full jitter: after a restart a thousand clients do not come back in the same second. */
export const backoff = (failures, random = Math.random) =>
  500 + random() * Math.min(LONGEST_WAIT_MS, 1000 * 2 ** failures);

/**
 * Calls `handlers`: frame(frame), status("connecting"|"live"|"polling"|"lost"|"forbidden"), lost(error) for a token that cannot be
 * renewed. `after()` gives the highest sequence number that is here.
 */
export class Connection {
  #socket = null;
  #failures = 0;
  #timer = null;
  #beat = null;
  #heard = 0;
  #poll = null;
  #wanted = false;

  constructor(api, handlers) {
    this.api = api;
    this.handlers = handlers;
    this.status = "connecting";
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  stop() {
    this.#wanted = false;
    this.#failures = 0;
    this.#clear();
    this.#drop();
    this.#stopPolling();
  }

  /** The network is back, or the page: do not sit out the pause. */
  hurry() {
    if (!this.#wanted || this.live) return;
    this.#failures = 0;
    this.#clear();
    this.#connect();
  }

  get live() {
    return this.status === "live";
  }

  /** Sends a frame; false when there is no socket for it. */
  send(frame) {
    if (!this.live || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #say(status) {
    if (this.status === status) return;
    this.status = status;
    this.handlers.status(status);
  }

  async #connect() {
    if (!this.#wanted || this.#socket) return;
    let token;
    try {
      token = await this.api.token();
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#wanted && !this.#socket) this.#dial(token);
  }

  #dial(token) {
    const url = new URL("live", this.api.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    const impatient = setTimeout(() => socket.close(), PATIENCE_MS);
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token, after: this.handlers.after() }));
    socket.onmessage = ({ data }) => {
      clearTimeout(impatient);
      if (this.#socket === socket) this.#frame(JSON.parse(data), token);
    };
    socket.onclose = ({ code }) => {
      clearTimeout(impatient);
      if (this.#socket === socket) this.#closed(code, token);
    };
  }

  #frame(frame, token) {
    this.#heard = Date.now();
    if (frame.type === "welcome") this.#welcomed(frame, token);
    if (frame.type === "token") this.api.keep(frame);
    if (frame.type !== "pong") this.handlers.frame(frame);
  }

  #welcomed(frame, token) {
    if (frame.token || frame.expires_in) this.api.keep({ token: frame.token ?? token, expires_in: frame.expires_in });
    this.#failures = 0;
    this.#stopPolling();
    clearInterval(this.#beat);
    this.#beat = setInterval(() => this.#check(), HEARTBEAT_MS);
    this.#say("live");
  }

  /** A line that is dead without having said so is found by a ping that nothing answers. */
  #check() {
    const asked = Date.now();
    this.send({ type: "ping" });
    setTimeout(() => this.#heard < asked && this.#socket?.close(4000, "silent"), PATIENCE_MS);
  }

  #closed(code, token) {
    this.#socket = null;
    clearInterval(this.#beat);
    if (!this.#wanted) return;
    if (code === Close.ORIGIN) {
      this.#say("forbidden");
      return;
    }
    if (code === Close.BAD_TOKEN) {
      this.api.dead = token;
      this.api.renew().then(
        () => this.#again(0),
        (error) => this.#failed(error),
      );
      return;
    }
    this.#failures = code === Close.REPLACED || code === Close.TOO_MANY ? FALL_BACK_AFTER : this.#failures + 1;
    this.#retry(code === Close.RESTART);
  }

  #failed(error) {
    if (!this.#wanted) return;
    if (error.status === 403) this.#say("forbidden");
    else if (error.status === 401) this.handlers.lost(error);
    else {
      this.#failures += 1;
      this.#retry(false);
    }
  }

  #retry(restarting) {
    if (this.#failures >= FALL_BACK_AFTER && navigator.onLine) {
      void this.#startPolling();
      this.#again(TRY_SOCKET_AGAIN_MS);
      return;
    }
    this.#say("lost");
    this.#again(restarting ? 500 + Math.random() * 3000 : backoff(this.#failures));
  }

  #again(ms) {
    this.#clear();
    this.#timer = setTimeout(() => this.#connect(), ms);
  }

  #clear() {
    clearTimeout(this.#timer);
    clearInterval(this.#beat);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket?.readyState === WebSocket.CONNECTING) {
      // Closed before it is open, the browser would write an error about a site that did nothing wrong.
      socket.onopen = () => socket.close(1000);
    } else socket?.close(1000);
    this.status = "connecting";
  }

  /** While a socket is tried again beside it, the poll goes on, so that nothing waits for it. */
  async #startPolling() {
    if (this.#poll) return;
    const poll = (this.#poll = new AbortController());
    for (let failures = 0; !poll.signal.aborted;) {
      try {
        await this.#ask(poll.signal, this.status === "polling" ? POLL_S : 0);
        failures = 0;
      } catch (error) {
        if (poll.signal.aborted) return;
        if (!(error instanceof Unreachable) && (error.status === 401 || error.status === 403)) {
          this.stop();
          this.#wanted = true;
          this.#failed(error);
          return;
        }
        this.#say("lost");
        failures += 1;
        await sleep((error.retry ?? 0) * 1000 || backoff(failures), poll.signal);
      }
    }
  }

  async #ask(signal, wait) {
    const got = await this.api.call("GET", "messages", { query: { after: this.handlers.after(), wait }, signal });
    if (signal.aborted) return;
    // A server that was away and answers again has sockets again; only where the network lets none through is the minute waited.
    if (this.status === "lost") this.#again(1000 + Math.random() * 4000);
    this.#say("polling");
    const { messages, owner, queue, operator, typing } = got;
    if (messages.length) this.handlers.frame({ type: "messages", messages });
    this.handlers.frame({ type: "state", owner, queue, operator });
    for (const who of ["bot", "person"]) this.handlers.frame({ type: "typing", who, on: typing[who] });
    // A server that does not wait is not asked in a tight loop.
    if (!messages.length) await sleep(1000, signal);
  }

  #stopPolling() {
    this.#poll?.abort();
    this.#poll = null;
  }
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
