// The HTTP side of the interface: session, requests, and what the server may ask for (renewal, proof of work).

import { solve } from "./proof.js";

const RENEW_BEFORE_MS = 120_000;

/** The server refused: `code` as in the interface, `retry` in seconds or null. */
export class Refused extends Error {
  constructor(status, code, retry) {
    super(code);
    this.status = status;
    this.code = code;
    this.retry = retry;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {}

export class Api {
  #renewing = null;

  /** `locker` keeps the session so that all tabs of the site share it. */
  constructor({ api, files, site, page, locker }) {
    Object.assign(this, { base: api, files, site, page, locker });
  }

  /** {token, expires (ms)} or null. */
  get session() {
    return this.locker.get("session");
  }

  keep({ token, expires_in }) {
    this.locker.set("session", { token, expires: Date.now() + expires_in * 1000 });
  }

  forget() {
    this.locker.set("session", null);
  }

  /** A token that will hold for a while. Throws Refused `bad_token` when the conversation cannot be gone on with. */
  async token() {
    const { session } = this;
    if (!session) throw new Refused(401, "bad_token", null);
    return session.expires - Date.now() > RENEW_BEFORE_MS ? session.token : (await this.renew()).token;
  }

  /** Begins a conversation. */
  async begin(hints) {
    const started = await this.#proved("session", { site: this.site, page: this.page, ...hints });
    this.keep(started);
    return started;
  }

  /** Rotates the token, one request at a time. */
  renew() {
    this.#renewing ??= this.#exclusively(() => this.#renew()).finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #renew() {
    const { session } = this;
    if (!session) throw new Refused(401, "bad_token", null);
    // Another tab may have done it while this one waited for the lock.
    if (session.expires - Date.now() > RENEW_BEFORE_MS && session.token !== this.dead) return session;
    const renewed = await this.#proved("session", { site: this.site, page: this.page, token: session.token });
    this.keep(renewed);
    return renewed;
  }

  #exclusively(work) {
    return navigator.locks ? navigator.locks.request(`${this.locker.prefix}renew`, work) : work();
  }

  /** JSON of an authorised request; a token that died meanwhile is renewed once. */
  async call(method, path, options = {}) {
    return (await this.response(method, path, options)).json();
  }

  async response(method, path, options = {}) {
    const token = await this.token();
    try {
      return await this.#request(method, path, { ...options, token });
    } catch (error) {
      if (error.code === "proof_needed")
        return this.#request(method, path, { ...options, token, body: await this.#proof(options.body) });
      if (error.status !== 401) throw error;
      this.dead = token;
      const renewed = await this.renew();
      return this.#request(method, path, { ...options, token: renewed.token });
    }
  }

  /** A request that needs no token. */
  async open(path, query) {
    return (await this.#request("GET", path, { query })).json();
  }

  /** Goes on with the conversation that `code` was made for. */
  async redeem(code) {
    const session = await this.#proved("code/redeem", { code });
    this.keep(session);
    return session;
  }

  async proof() {
    return solve(this.files, await this.open("proof"));
  }

  async #proof(body) {
    return { ...body, proof: await this.proof() };
  }

  async #proved(path, body) {
    try {
      return await (await this.#request("POST", path, { body })).json();
    } catch (error) {
      if (error.code !== "proof_needed") throw error;
      return (await this.#request("POST", path, { body: await this.#proof(body) })).json();
    }
  }

  async #request(method, path, { query = {}, body, token, signal } = {}) {
    const url = new URL(path, this.base);
    for (const [key, value] of Object.entries(query))
      if (value !== null && value !== undefined) url.searchParams.set(key, value);
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(url, {
        method,
        headers,
        body: body && JSON.stringify(body),
        credentials: "omit",
        cache: token ? "no-store" : "default",
        signal,
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable(path);
    }
    if (!response.ok) throw await refusal(response);
    return response;
  }
}

async function refusal(response) {
  const answer = await response.json().catch(() => null);
  const retry = Number(response.headers.get("Retry-After")) || null;
  return new Refused(response.status, answer?.error?.code ?? `http_${response.status}`, retry);
}
