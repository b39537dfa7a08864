// What the page asks of the server. The session lives in this object alone: no cookie, no storage, no address.

const ROOT = "/api/appointment/";

/** `code`: the server's, or "offline", "bad_link" and "session_over". `until`: when to try again, or null. */
export class Failure extends Error {
  constructor(code, until = null) {
    super(code);
    this.code = code;
    this.until = until;
  }
}

export class Api {
  #session = null;
  #known = false;

  constructor(token) {
    this.token = token;
  }

  /** Exchanges the link for a session that shows the card. */
  async open() {
    const response = await this.#send("POST", "open", { token: this.token }, false);
    if (response.status === 401 || response.status === 400) throw new Failure("bad_link");
    return this.#begun(await read(response));
  }

  verify = (born) => this.#renewed("verify", { born });
  change = (opening, key) => this.#renewed("change", { opening, key });
  cancel = () => this.#renewed("cancel", {});
  openings = async () => read(await this.#call("GET", "openings"));
  lists = async (language) => read(await this.#call("GET", `intake?language=${language}`));
  saveIntake = async (picked) => read(await this.#call("POST", "intake", { picked }));
  calendar = async (language) => (await good(await this.#call("POST", "card.ics", { language }))).blob();

  async #renewed(name, body) {
    return this.#begun(await read(await this.#call("POST", name, body)));
  }

  #begun({ session, token, appointment }) {
    this.#session = session;
    this.token = token;
    this.#known = appointment.known;
    return appointment;
  }

  /** A session that has ended is begun anew with the link; the date of birth is then asked for again. */
  async #call(method, name, body = null) {
    const response = await this.#send(method, name, body);
    if (response.status !== 401) return response;
    const known = this.#known;
    const appointment = await this.open();
    if (known) throw Object.assign(new Failure("session_over"), { appointment });
    return this.#send(method, name, body);
  }

  async #send(method, name, body, signed = true) {
    const headers = { Accept: "application/json" };
    if (signed) headers.Authorization = `Bearer ${this.#session}`;
    if (body !== null) headers["Content-Type"] = "application/json";
    try {
      return await fetch(ROOT + name, {
        method,
        headers,
        body: body === null ? undefined : JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        referrerPolicy: "no-referrer",
      });
    } catch {
      throw new Failure("offline");
    }
  }
}

async function read(response) {
  await good(response);
  return response.status === 204 ? null : response.json();
}

async function good(response) {
  if (response.ok) return response;
  const seconds = Number(response.headers.get("Retry-After"));
  const until = seconds > 0 ? new Date(Date.now() + seconds * 1000) : null;
  const told = await response.json().catch(() => null);
  throw new Failure(told?.error?.code ?? "internal", until);
}

/** A mark of one wish: the same wish sent twice is one change. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
