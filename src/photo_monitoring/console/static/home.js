// The first page: the answer, then what is behind it.

import { overview } from "./api.js";
import { fill, problemText } from "./alertlist.js";
import { moment, seconds, span } from "./clock.js";
import { el, say } from "./dom.js";
import { poll } from "./poll.js";
import { t } from "./text.js";
import { shade } from "./theme.js";
import { formatted } from "./units.js";
import { sparkline } from "./values.js";

const MARKS = { healthy: "✓", warning: "!", critical: "✕", unknown: "?" };
const STATES = { ready: "stReady", down: "stDown", not_ready: "stNotReady", draining: "stDraining", unknown: "stUnknown" };

export function show(main) {
  const page = build(main);
  poll(() => overview(), (answer) => draw(page, answer));
}

function section(id, title, ...content) {
  return el("section", { class: `card ${id}`, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), content);
}

function build(main) {
  const page = {
    answer: el("section", { class: "answer", "data-level": "loading", "aria-live": "polite" }),
    mark: el("span", { class: "mark", "aria-hidden": "true" }, "…"),
    verdict: el("h1", {}, t("loading")),
    since: el("p", { class: "since" }),
    reasons: el("ul", { class: "reasons" }),
    keys: el("dl", { class: "keys" }),
    alerts: el("ul", { class: "alerts" }),
    quiet: el("p", { class: "empty" }, t("noAlerts")),
    budgets: el("ul", { class: "budgets" }),
    instances: el("tbody"),
    targets: el("ul", { class: "targets" }),
  };
  page.answer.append(page.mark, el("div", {}, page.verdict, page.since, page.reasons));
  const head = ["instance", "state", "version", "uptime", "requests", "errors", "p95"].map((name) => el("th", { scope: "col" }, t(name)));
  main.replaceChildren(
    page.answer,
    page.keys,
    el(
      "div",
      { class: "columns" },
      el(
        "div",
        {},
        section("firing", t("firingNow"), page.alerts, page.quiet),
        section(
          "instances",
          t("instances"),
          el("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": t("instances") }, el("table", { class: "data" }, el("thead", {}, el("tr", {}, head)), page.instances)),
          el("h3", {}, t("targets")),
          page.targets,
        ),
      ),
      section("budget", t("budgets"), page.budgets),
    ),
  );
  return page;
}

function draw(page, answer) {
  page.answer.dataset.level = answer.level;
  say(page.mark, MARKS[answer.level]);
  say(page.verdict, t(answer.level));
  say(page.since, sinceText(answer));
  const reasons = reasonTexts(answer);
  if (page.reasons.innerText !== reasons.join("\n")) page.reasons.replaceChildren(...reasons.map((one) => el("li", {}, one)));
  const active = answer.alerts.filter((one) => !one.silences.length);
  fill(page.alerts, active, answer.now);
  page.quiet.hidden = active.length > 0 || answer.level === "unknown";
  drawKeys(page.keys, answer);
  drawBudgets(page.budgets, answer.budgets);
  page.instances.replaceChildren(...answer.instances.map((one) => instanceRow(one, answer.now)));
  page.targets.replaceChildren(...answer.targets.map(target));
}

function sinceText({ level, since, known_since: known, now }) {
  if (level === "unknown") return "";
  if (level !== "healthy") return since === null ? "" : t("wrongSince", { time: moment(seconds(since)), ago: span(now - seconds(since)) });
  if (since !== null) return t("healthySince", { time: moment(since), ago: span(now - since) });
  if (known !== null && now - known < 86_000) return t("healthyKnown", { time: moment(known) });
  return t("healthyDay");
}

function reasonTexts({ problems, watchdog, instances, alerts }) {
  const found = [];
  const isAway = (server) => problems.find((one) => one.server === server);
  if (isAway("prometheus")) found.push(problemText(isAway("prometheus")));
  else if (!instances.length) found.push(t("noInstances"));
  if (isAway("alertmanager")) found.push(problemText(isAway("alertmanager")));
  else if (watchdog === false) found.push(t("watchdogSilent"));
  const firing = alerts.filter((one) => one.state === "firing" && !one.silences.length);
  return [...found, ...firing.slice(0, 3).map((one) => one.summary)];
}

function drawKeys(list, { sparks, ready, instances }) {
  const entries = [
    ["requests", t("keyRequests"), (value) => `${formatted(value, "short")} ${t("perMinute")}`, "blue"],
    ["errors", t("keyErrors"), (value) => formatted(value, "percentunit"), "red"],
    ["p95", t("keyP95"), (value) => formatted(value, "s"), "orange"],
    ["ready", t("keyReady"), () => `${ready ?? "–"}/${instances.length}`, "green"],
  ];
  const drawn = entries.map(([name, title, written, colour]) => {
    const points = sparks[name].map(([, text]) => (text === "NaN" ? null : Number(text)));
    const last = points.length ? points.at(-1) : null;
    return el("div", { class: "key" }, el("dt", {}, title, el("small", {}, ` ${t("lastHour")}`)), el("dd", {}, last === null && name !== "ready" ? "–" : written(last)), sparkline(points, shade(colour)));
  });
  list.replaceChildren(...drawn);
}

function drawBudgets(list, budgets) {
  const drawn = budgets.map(({ promise, objective, left, burn }) => {
    const level = left === null ? "grey" : left > 0.5 ? "green" : left > 0.1 ? "orange" : "red";
    const fill = el("i", { class: "fill" });
    fill.style.width = `${Math.max(0, Math.min(1, left ?? 0)) * 100}%`;
    fill.style.background = shade(level);
    const note = burn !== null && burn >= 1 ? ` · ${t("burn", { times: formatted(burn, "none") })}` : "";
    return el(
      "li",
      { "data-level": level },
      el("p", {}, el("span", {}, promise), el("b", {}, left === null ? "–" : formatted(left, "percentunit"))),
      el("div", { class: "track", "aria-hidden": "true" }, fill),
      el("small", {}, t("budgetAim", { percent: formatted(objective, "percentunit") }) + note),
    );
  });
  list.replaceChildren(...(drawn.length ? drawn : [el("li", { class: "empty" }, t("noBudget"))]));
}

function instanceRow(one, now) {
  const number = (text) => el("td", { class: "number" }, text);
  const running = one.state === "down" || one.started === null ? "–" : span(now - one.started);
  return el(
    "tr",
    { "data-instance": one.name, "data-state": one.state },
    el("th", { scope: "row" }, one.name),
    el("td", {}, el("span", { class: "state" }, t(STATES[one.state]))),
    el("td", {}, one.version || "–"),
    number(running),
    number(formatted(one.requests, "short")),
    number(formatted(one.errors, "percentunit")),
    number(formatted(one.p95, "s")),
  );
}

function target({ job, name, up }) {
  return el("li", { "data-state": up ? "ready" : "down" }, el("span", { class: "state" }, up ? t("up") : t("down")), ` ${name || job}`, name && name !== job ? el("small", {}, ` ${job}`) : "");
}

