// The page of one appointment. What it is about stands in the fragment, which goes to no server by itself.

import { button, h, save } from "/widget/dom.js";
import { direction, LANGUAGES } from "/widget/i18n.js";
import { Api, Failure } from "./api.js";
import { card, code, demonstration, documents, driver, route, tools } from "./card.js";
import { intake } from "./intake.js";
import { manage } from "./manage.js";
import { loadWords } from "./words.js";

const EMERGENCY = "120";
const main = document.querySelector("#main");
const status = document.querySelector("#status");
const select = document.querySelector("#language");
const known = (language) => LANGUAGES.some(({ code: one }) => one === language);

const app = {
  words: null,
  appointment: null,
  api: new Api(location.hash.slice(1)),

  /** Takes a new state of the appointment, says `text`, and gives the focus to what matches. */
  update(appointment, text, focus) {
    this.appointment = appointment;
    // A link to a later day ends later; the one of the old day would end with it.
    history.replaceState(null, "", `#${this.api.token}`);
    draw();
    this.say(text ?? "");
    document.querySelector(focus)?.focus();
  },

  say(text) {
    status.textContent = text;
  },

  /** The result of `work`; undefined when it failed, which has then been said. `gone`: another had the time first. */
  async attempt(work, gone = null) {
    try {
      this.say("");
      return await work();
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      if (failure.code === "already_claimed" && gone !== null) await gone();
      this.fail(failure);
      return undefined;
    }
  },

  fail(failure) {
    if (failure.appointment) this.update(failure.appointment, "", "#manage-title");
    if (failure.code === "bad_link") drawProblem("bad_link");
    else this.say(explain(this.words.own, failure));
  },

  print(what) {
    document.body.dataset.print = what;
    window.print();
  },
};

function explain(own, { code: name, until }) {
  if (name === "rate_limited") return own.t("slow_down", { time: own.clock(until ?? new Date()) });
  const texts = {
    offline: "offline",
    session_over: "session_over",
    forbidden: "session_over",
    already_claimed: "slot_gone",
    wrong_state: "too_late",
    unavailable: "unavailable",
  };
  return own.t(texts[name] ?? "error");
}

function draw() {
  const { words, appointment } = app;
  const { own } = words;
  const on = { calendar: keepCalendar, print: () => app.print("card") };
  main.replaceChildren(
    ...[
      demonstration(words, appointment),
      title(own, appointment),
      h(
        "div",
        { className: "columns" },
        h(
          "div",
          {},
          card(words, appointment),
          tools(words, on),
          appointment.state === "booked" ? manage(app) : null,
          appointment.known && appointment.state === "booked" ? intake(app) : null,
        ),
        h("div", {}, driver(words, appointment), documents(words), route(words), code(words, appointment)),
      ),
    ].filter(Boolean),
  );
}

function title(own, { state }) {
  const badge = h("span", { className: `badge ${state}`, text: own.t(`state_${state}`) });
  return h("div", { className: "title" }, h("h1", { id: "title", tabIndex: -1, text: own.t("title") }), badge);
}

/** `name`: bad_link or no_link; a failure to reach the server can be tried again. */
function drawProblem(name) {
  const { own } = app.words;
  main.replaceChildren(
    h("h1", { id: "title", tabIndex: -1, text: own.t(`${name}_title`) }),
    h("p", {}, own.rich(`${name}_text`)),
  );
  document.querySelector("#title").focus();
}

function drawAgain(failure) {
  const { own } = app.words;
  const again = button(own.t("again"), { className: "primary", on: { click: () => void start() } });
  main.replaceChildren(h("h1", { id: "title", text: own.t("title") }), h("p", {}, own.apart(explain(own, failure))), again);
}

async function keepCalendar() {
  const kept = await app.attempt(() => app.api.calendar(app.words.own.code));
  if (kept !== undefined) save(kept, `${app.appointment.reference}.ics`);
}

async function speak(language) {
  app.words = await loadWords(language);
  const { own } = app.words;
  document.documentElement.lang = language;
  document.documentElement.dir = direction(language);
  document.title = `${own.t("title")} · Linli`;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = own.t(element.dataset.t);
  document.querySelector("#emergency").replaceChildren(...own.rich("emergency", { number: EMERGENCY }));
  select.value = language;
}

async function chooseLanguage() {
  try {
    await speak(select.value);
  } catch {
    select.value = app.words.own.code;
    app.say(app.words.own.t("offline"));
    return;
  }
  if (app.appointment) draw();
  else await start();
}

/** Their browser's language until the appointment tells the one that they booked in. */
async function start() {
  main.setAttribute("aria-busy", "true");
  try {
    if (app.words === null) await speak(navigator.languages.map((tag) => tag.split("-")[0]).find(known) ?? "en");
    if (!app.api.token) drawProblem("no_link");
    else await openLink();
  } catch (failure) {
    if (app.words === null) unspoken();
    else drawAgain(failure instanceof Failure ? failure : new Failure("offline"));
  } finally {
    main.removeAttribute("aria-busy");
  }
}

async function openLink() {
  main.replaceChildren(h("p", { text: app.words.own.t("loading") }));
  try {
    app.appointment = await app.api.open();
  } catch (failure) {
    if (failure.code !== "bad_link") throw failure;
    drawProblem("bad_link");
    return;
  }
  if (!chosen && known(app.appointment.language)) await speak(app.appointment.language);
  draw();
}

/** Not even the words could be fetched. */
function unspoken() {
  const again = button("Try again · 重试", { className: "primary", on: { click: () => void start() } });
  main.replaceChildren(h("p", { text: "The service cannot be reached." }), h("p", { lang: "zh", text: "暂时无法连接服务。" }), again);
}

let chosen = false;
select.append(...LANGUAGES.map(({ code: one, name }) => h("option", { value: one, lang: one, text: name })));
select.closest("p").hidden = false;
select.addEventListener("change", () => {
  chosen = true;
  void chooseLanguage();
});
// The fragment is the link's: going to the content must not replace it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// A link that is opened in a tab where another one was changes the fragment alone.
window.addEventListener("hashchange", () => location.reload());
window.addEventListener("afterprint", () => delete document.body.dataset.print);
void start();
