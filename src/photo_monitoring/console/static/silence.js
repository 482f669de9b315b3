// A new silence: which alerts, until when, why, by whom.

import { ApiError, alerts, createSilence } from "./api.js";
import { matcherText } from "./alerts.js";
import { moment, span } from "./clock.js";
import { link } from "./config.js";
import { el, say } from "./dom.js";
import { t } from "./text.js";

const SPANS = [1800, 3600, 7200, 14_400, 28_800, 86_400, 3 * 86_400, 7 * 86_400];
const OPERATORS = { "=": [false, true], "!=": [false, false], "=~": [true, true], "!~": [true, false] };

/** Matchers of a text: one a line, or several between commas and braces, as Alertmanager writes them. */
export function parsed(text) {
  const found = [];
  const bad = [];
  for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const inside = line.replace(/^\{/, "").replace(/\}$/, "");
    const pattern = /\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]*))\s*(?:,|$)/y;
    const before = found.length;
    let match = null;
    while (pattern.lastIndex < inside.length && (match = pattern.exec(inside))) {
      const [isRegex, isEqual] = OPERATORS[match[2]];
      const value = match[3] === undefined ? match[4] : match[3].replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
      found.push({ name: match[1], value, isRegex, isEqual });
    }
    if (!match || found.length === before) bad.push(line);
  }
  return { found, bad };
}

function holds({ name, value, isRegex, isEqual }, labels) {
  const own = labels[name] ?? "";
  if (!isRegex) return (own === value) === isEqual;
  try {
    return new RegExp(`^(?:${value})$`).test(own) === isEqual;
  } catch {
    return false;
  }
}

export function show(main) {
  const parameters = new URLSearchParams(location.search);
  const given = [...parameters.getAll("matcher"), ...parameters.getAll("filter")].join("\n");
  const lines = parsed(given).found.map(matcherText).join("\n") || given;
  const matchers = el("textarea", { id: "matchers", rows: 4, required: true, spellcheck: "false", "aria-describedby": "matchers-hint matching", maxlength: 4000 }, lines);
  const matching = el("p", { id: "matching", class: "hint", role: "status" });
  const until = el("select", { id: "seconds" }, SPANS.map((one) => el("option", { value: one, selected: one === 7200 }, `${span(one)} · ${t("until", { time: moment(Date.now() / 1000 + one) })}`)));
  const reason = el("input", { id: "reason", required: true, maxlength: 500, "aria-describedby": "reason-hint", autocomplete: "off" });
  const author = el("input", { id: "author", required: true, maxlength: 100, autocomplete: "name", value: remembered() });
  const problem = el("p", { class: "wrong", role: "alert", hidden: true });
  const form = el(
    "form",
    { class: "card silence", novalidate: true },
    el("label", { for: "matchers" }, t("matchers")),
    matchers,
    el("p", { class: "hint", id: "matchers-hint" }, t("matchersHint")),
    matching,
    el("label", { for: "seconds" }, t("duration")),
    until,
    el("label", { for: "reason" }, t("reason")),
    reason,
    el("p", { class: "hint", id: "reason-hint" }, t("reasonHint")),
    el("label", { for: "author" }, t("author")),
    author,
    problem,
    el("button", { type: "submit", class: "primary" }, t("create")),
  );
  main.replaceChildren(el("h1", {}, t("newSilence")), form);

  let firing = [];
  const count = () => {
    const { found, bad } = parsed(matchers.value);
    const hit = firing.filter((one) => found.length && found.every((matcher) => holds(matcher, one.labels)));
    say(matching, bad.length ? t("badMatcher", { line: bad[0] }) : found.length ? t("matching", { count: hit.length }) : "");
  };
  matchers.addEventListener("input", count);
  alerts().then((answer) => {
    firing = answer.alerts.filter((one) => one.state === "firing");
    count();
  }, count);

  const complain = (text, field = null) => {
    problem.hidden = !text;
    say(problem, text);
    for (const one of [matchers, reason, author]) one.setAttribute("aria-invalid", String(one === field));
    field?.focus();
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { found, bad } = parsed(matchers.value);
    if (bad.length) return complain(t("badMatcher", { line: bad[0] }), matchers);
    if (!found.length) return complain(t("missingField", { field: t("matchers") }), matchers);
    for (const [field, name] of [[reason, "reason"], [author, "author"]]) {
      if (!field.value.trim()) return complain(t("missingField", { field: t(name) }), field);
    }
    complain("");
    const seconds = Number(until.value);
    try {
      await createSilence({ matchers: found, seconds, reason: reason.value, author: author.value });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return complain(t("failed", { what: error.message }));
    }
    remember(author.value);
    const done = el("p", { class: "done", role: "status", tabindex: "-1" }, t("created", { time: moment(Date.now() / 1000 + seconds) }));
    form.replaceWith(done, el("p", {}, el("a", { class: "button", href: link("/alerts") }, t("silences"))));
    return done.focus();
  });
}

function remembered() {
  try {
    return localStorage.getItem("author") ?? "";
  } catch {
    return "";
  }
}

function remember(name) {
  try {
    localStorage.setItem("author", name);
  } catch {
    // The next silence asks for the name again.
  }
}
