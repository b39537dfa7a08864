// The page's words, and what is special about them: terms in Chinese, the city's time, names of languages.

import { h } from "/widget/dom.js";
import { Words } from "/widget/i18n.js";

const CITY = "Asia/Shanghai";
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: CITY };
const DAY = { weekday: "long", year: "numeric", month: "long", day: "numeric", timeZone: CITY };
// What Arabic text must keep apart from itself: Latin words, numbers, times and Chinese, without a sign at their end.
const FOREIGN = /[\p{Script=Latin}\p{Script=Han}\d](?:[\p{Script=Latin}\p{Script=Han}\d\s.,:'+–-]*[\p{Script=Latin}\p{Script=Han}\d])?/gu;

export class PageWords extends Words {
  /** A text as nodes: [挂号] becomes a Chinese word that is kept apart from the line around it. */
  rich(key, params = {}) {
    return this.t(key, params)
      .split(/\[([^\]]+)\]/)
      .map((part, index) => (index % 2 ? h("bdi", { lang: "zh", text: part }) : part))
      .flatMap((part) => (typeof part === "string" ? this.apart(part) : part));
  }

  /** In a language that runs to the left, what runs to the right stands in a place of its own. */
  apart(text) {
    if (this.dir === "ltr") return text ? [text] : [];
    const nodes = [];
    let end = 0;
    for (const found of text.matchAll(FOREIGN)) {
      nodes.push(text.slice(end, found.index), h("bdi", { text: found[0] }));
      end = found.index + found[0].length;
    }
    return [...nodes, text.slice(end)].filter((node) => node !== "");
  }

  day(instant) {
    return new Intl.DateTimeFormat(this.locale, DAY).format(new Date(instant));
  }

  clock(instant) {
    return new Intl.DateTimeFormat(this.locale, CLOCK).format(new Date(instant));
  }

  full(instant) {
    return new Intl.DateTimeFormat(this.locale, { ...DAY, ...CLOCK }).format(new Date(instant));
  }

  languageName(code) {
    return new Intl.DisplayNames([this.locale], { type: "language" }).of(code);
  }

  languageNames(codes) {
    return new Intl.ListFormat(this.locale).format(codes.map((code) => this.languageName(code)));
  }

  yuan(fen) {
    return this.t("yuan", { amount: fen / 100 });
  }
}

const loaded = new Map();

/** {own, zh}: the words of `code` and the Chinese ones. A failed fetch is not kept. */
export async function loadWords(code) {
  if (!loaded.has(code)) {
    const response = await fetch(`/api/appointment/words?language=${encodeURIComponent(code)}`, { credentials: "omit" });
    if (!response.ok) throw new Error(`words ${code}: ${response.status}`);
    const { words, chinese } = await response.json();
    loaded.set(code, { own: new PageWords(code, words), zh: new PageWords("zh", chinese) });
  }
  return loaded.get(code);
}
