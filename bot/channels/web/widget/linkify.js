// Web addresses and phone numbers in a text become links; everything else stays text.
// A number that begins with a sign keeps its order in Arabic, where the sign would go to its other end.

import { h } from "./dom.js";

const WEB = String.raw`https?:\/\/[^\s<>"'“”‘’（）()《》，。；、،؛؟]+`;
// Numbers of the city and the state that are written without a code, then land lines, 400 lines and mobile phones.
const HOTLINES = String.raw`12345|12367|12366|12356|12333|12329|12328|12315|12306|12393`;
const PHONE = String.raw`(?<![\d-])(?:0\d{2,3}-(?:\d{7,8}|${HOTLINES})|400-?\d{3}-?\d{4}|1[3-9]\d{9}|(?:${HOTLINES}))(?![\d-])`;
// "110" may be a sum in an answer about fees: only where an emergency is spoken of is it a number to call.
const SHORT = String.raw`(?<![\d-])(?:110|119|120|122)(?![\d-])`;
// "+44 20 7946 0958", and "•••67" where the beginning is hidden; and a booking's number, which stays on one line.
const SIGNED = String.raw`[+•][\d•](?:[\d•]|[ -](?=\d)| ?\(\d+\))*|\bLB-\w{4}-\w{4}\b`;
const USUAL = new RegExp(`${WEB}|${PHONE}|${SIGNED}`, "gu");
const URGENT = new RegExp(`${WEB}|${PHONE}|${SHORT}|${SIGNED}`, "gu");
// What somebody is let in by stands behind the #: nothing to read out or to leave on a screen.
const SECRET = /^#[\w-]{32,}$/;

export const telephone = (number) => `tel:${number.replace(/[^\d+]/g, "")}`;

/** Nodes for `text`. `urgent` also links the three-digit emergency numbers. */
export function linkified(text, { urgent = false } = {}) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(urgent ? URGENT : USUAL)) {
    const found = match[0].replace(/[.,;:!?]+$/, "");
    nodes.push(text.slice(end, match.index), link(found));
    end = match.index + found.length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

function link(found) {
  // A foreign number is most often the resident's own.
  if (/^[+•L]/.test(found) && !/^\+86(?:\D*\d){6}/.test(found))
    return h("bdi", { dir: "ltr", className: "tel", text: found });
  if (!/^https?:/.test(found))
    return h("a", { href: telephone(found), className: "tel" }, h("bdi", { dir: "ltr", text: found }));
  return URL.canParse(found) ? outward(found, shown(found)) : found;
}

function shown(found) {
  const { hash, host, pathname } = new URL(found);
  return SECRET.test(hash) ? host + pathname : found;
}

/** A link that leaves the chat; null for anything that is not http(s). */
export function outward(address, text) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, h("bdi", { text }));
}

/** The emergency numbers of a text, in its order, each once. */
export function emergencyNumbers(text) {
  const found = text.match(/(?<![\d-])(?:110|119|120|122|12356)(?![\d-])/gu) ?? [];
  return [...new Set(found)];
}
