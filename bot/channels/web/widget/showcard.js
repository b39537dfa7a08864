// A card to hold up: large Chinese text drawn to a picture, here in the browser, so that it needs no network and can
// be kept.

import { button, h, save } from "./dom.js";
import { icon } from "./icons.js";

const WIDTH = 1080;
const HEIGHT = 1440;
const EDGE = 84;
const FONT =
  '"PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", sans-serif';
const INK = "#10242b";
const QUIET = "#4a5d64";
const ALARM = "#a3231c";
const BRAND = "#0b5563";

/**
 * Opens the card over the whole screen. `card`: {heading?, lines: [Chinese], phone?, caption? (resident's language),
 * urgent?}.
 */
export function showCard(app, card) {
  const { t, words, context } = app;
  const before = context.root.activeElement;
  const canvas = h("canvas", {
    width: WIDTH,
    height: HEIGHT,
    role: "img",
    lang: "zh",
    "aria-label": [card.heading, ...card.lines, card.phone].filter(Boolean).join("。"),
  });
  draw(canvas, card);
  const keep = button(t("save_picture"), { className: "second", icon: icon("save") });
  keep.addEventListener("click", () => canvas.toBlob((blob) => blob && save(blob, "linli.png"), "image/png"));
  const done = button(t("close_card"), { className: "primary", icon: icon("close") });
  const dialog = h(
    "dialog",
    { className: "show", lang: words.code, dir: words.dir, "aria-label": t("show_title") },
    h("div", { className: "show-picture" }, canvas),
    h("p", { className: "small", text: t("show_hint") }),
    h("div", { className: "actions" }, keep, done),
  );
  done.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus();
  });
  context.root.append(dialog);
  dialog.showModal();
  done.focus();
}

function draw(canvas, { heading, lines, phone, caption, urgent }) {
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.fillStyle = urgent ? ALARM : BRAND;
  pen.fillRect(0, 0, WIDTH, 24);
  pen.textBaseline = "top";
  let top = EDGE + 12;
  if (heading) top = write(pen, heading, { top, size: 56, ink: QUIET }) + 36;
  const foot = HEIGHT - EDGE - (caption ? 120 : 60);
  const room = foot - top - (phone ? 130 : 0);
  const size = largest(pen, lines, room);
  lines.forEach((line, index) => {
    top =
      write(pen, line, {
        top,
        size: index ? Math.max(44, size * 0.82) : size,
        ink: urgent ? ALARM : INK,
        weight: 700,
      }) +
      size * 0.45;
  });
  if (phone) write(pen, `电话 ${phone}`, { top: top + 8, size: 64, ink: INK });
  pen.fillStyle = "#c3ced1";
  pen.fillRect(EDGE, foot + 10, WIDTH - 2 * EDGE, 2);
  if (caption) write(pen, caption, { top: foot + 34, size: 34, ink: QUIET, most: 1 });
  write(pen, "邻里 Linli · 合肥 Hefei", { top: HEIGHT - EDGE - 30, size: 34, ink: QUIET });
}

/** The largest size at which all lines fit into `room` pixels of height. */
function largest(pen, lines, room) {
  for (let size = 150; size > 44; size -= 6) {
    const height = lines.reduce(
      (sum, line, index) =>
        sum + wrapped(pen, line, index ? Math.max(44, size * 0.82) : size, 700).length * size * 1.35 + size * 0.45,
      0,
    );
    if (height <= room) return size;
  }
  return 44;
}

function write(pen, text, { top, size, ink, weight = 400, most = Infinity }) {
  let y = top;
  const rows = wrapped(pen, text, size, weight).slice(0, most);
  pen.fillStyle = ink;
  const rtl = /^[^\p{L}]*[\p{Script=Arabic}]/u.test(text);
  pen.direction = rtl ? "rtl" : "ltr";
  pen.textAlign = "start";
  for (const row of rows) {
    pen.fillText(row, rtl ? WIDTH - EDGE : EDGE, y);
    y += size * 1.35;
  }
  return y;
}

/** Chinese breaks between any two characters, but no line begins with a closing mark; other words stay whole. */
function wrapped(pen, text, size, weight) {
  pen.font = `${weight} ${size}px ${FONT}`;
  const pieces =
    text.match(
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}][。，、；：？！”）》…]*|[^\p{Script=Han}\s]+\s*|\s+/gu,
    ) ?? [];
  const rows = [];
  let row = "";
  for (const piece of pieces) {
    if (row && pen.measureText(row + piece).width > WIDTH - 2 * EDGE) {
      rows.push(row.trimEnd());
      row = "";
    }
    row += piece;
  }
  return row.trim() ? [...rows, row.trimEnd()] : rows;
}
