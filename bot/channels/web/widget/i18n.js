// The interface's own words, and dates and plurals as the language has them.

/** Code and name of each interface language, in its own language; the server's list replaces it when it is there. */
export const LANGUAGES = [
  { code: "zh", name: "中文" },
  { code: "en", name: "English" },
  { code: "ja", name: "日本語" },
  { code: "ko", name: "한국어" },
  { code: "fr", name: "Français" },
  { code: "de", name: "Deutsch" },
  { code: "es", name: "Español" },
  { code: "ru", name: "Русский" },
  { code: "ar", name: "العربية" },
  { code: "vi", name: "Tiếng Việt" },
];

// The articles write numbers in Western digits: Arabic dates and counts follow them. Days before months in English,
// as most residents read it.
const LOCALES = { ar: "ar-u-nu-latn", en: "en-GB" };
const RTL = new Set(["ar", "fa", "ur", "he"]);
const CITY = "Asia/Shanghai";
// China writes 14:30; so does every office that a resident will be told a time by.
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

export const direction = (code) => (RTL.has(code) ? "rtl" : "ltr");

/** The words of one language. `table`: key to text, or to texts by plural category. */
export class Words {
  constructor(code, table) {
    this.code = code;
    this.dir = direction(code);
    this.table = table;
    this.locale = LOCALES[code] ?? code;
    this.rules = new Intl.PluralRules(code);
  }

  /** The text of `key` with its {places} filled in; `n` also chooses the plural form. */
  t(key, params = {}) {
    const entry = this.table[key];
    const text = typeof entry === "object" ? (entry[this.rules.select(params.n)] ?? entry.other) : entry;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? this.number(params[name]) : whole));
  }

  number(value) {
    return typeof value === "number" ? new Intl.NumberFormat(this.locale).format(value) : value;
  }

  time(instant) {
    return this.#format(instant, CLOCK);
  }

  /** A promised hour is the city's hour, wherever the resident is. */
  moment(instant) {
    return this.#format(instant, { weekday: "short", month: "short", day: "numeric", ...CLOCK, timeZone: CITY });
  }

  /** An ISO date without a time. */
  date(day) {
    return this.#format(`${day.slice(0, 10)}T00:00:00Z`, { dateStyle: "long", timeZone: "UTC" });
  }

  /** The day of an instant, in words where it is near. */
  day(instant, now = new Date()) {
    const days = Math.round((midnight(now) - midnight(new Date(instant))) / 86_400_000);
    if (days === 0) return this.t("today");
    if (days === 1) return this.t("yesterday");
    return this.#format(instant, { dateStyle: "long" });
  }

  #format(instant, options) {
    const date = new Date(instant);
    return Number.isNaN(date.getTime()) ? "" : new Intl.DateTimeFormat(this.locale, options).format(date);
  }
}

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

const loaded = new Map();

/** The words of `code`; a failed fetch is not kept. */
export async function loadWords(files, code) {
  if (!loaded.has(code)) {
    const response = await fetch(new URL(`strings/${code}.json`, files), { credentials: "omit" });
    if (!response.ok) throw new Error(`strings ${code}: ${response.status}`);
    loaded.set(code, new Words(code, await response.json()));
  }
  return loaded.get(code);
}
