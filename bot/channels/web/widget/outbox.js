// What the resident wrote and the server does not have yet. It lives in the browser's storage: a reload, a closed tab
// or a lost network loses nothing, and the key of an entry makes sending it again harmless.

/** Another tab's entry is left to that tab for this long. */
const OTHERS_MS = 15_000;

/** An entry: {key, text|button, title, at, tab, state: "waiting"|"sending"|"failed"|"taken", seq, why}. */
export class Outbox {
  constructor(locker) {
    this.locker = locker;
    this.tab = newKey();
  }

  /** Oldest first. Read each time, because other tabs write too. */
  get entries() {
    return this.locker.get("outbox") ?? [];
  }

  /** Adds what was said and gives the entry. */
  add(said) {
    const entry = {
      key: newKey(),
      at: new Date().toISOString(),
      tab: this.tab,
      state: "waiting",
      seq: null,
      why: null,
      ...said,
    };
    this.#write([...this.entries, entry]);
    return entry;
  }

  change(key, values) {
    this.#write(this.entries.map((entry) => (entry.key === key ? { ...entry, ...values } : entry)));
  }

  remove(key) {
    this.#write(this.entries.filter((entry) => entry.key !== key));
  }

  clear() {
    this.#write([]);
  }

  /** The oldest entry that this tab has to send now, or null. */
  next(now = Date.now()) {
    const due = ({ state, tab, at }) =>
      (state === "waiting" || state === "sending") && (tab === this.tab || now - Date.parse(at) > OTHERS_MS);
    return this.entries.find(due) ?? null;
  }

  /** Drops what has come back as a message of the conversation. */
  settle(keys) {
    const left = this.entries.filter(({ key }) => !keys.has(key));
    if (left.length !== this.entries.length) this.#write(left);
  }

  #write(entries) {
    this.locker.set("outbox", entries.length ? entries : null);
  }
}

/** A random key; randomUUID exists on HTTPS pages only. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
