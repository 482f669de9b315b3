// Alerts as cards: what is wrong, since when, and what one can do about it from here.

import { moment, seconds, span } from "./clock.js";
import { config, link } from "./config.js";
import { el } from "./dom.js";
import { t } from "./text.js";

const SHOWN_LABELS = new Set(["alertname", "severity", "subject", "system", "job", "sloth_id", "sloth_service"]);

/** Where a new silence for an alert begins: its own labels as matchers, but not its severity. */
export function silencePath(labels) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(labels)) {
    if (name !== "severity" && name !== "system") parameters.append("matcher", `${name}=${JSON.stringify(value)}`);
  }
  return link(`/silences/new?${parameters}`);
}

function boardPath(path) {
  return config.lang === config.defaultLang || /[?&]lang=/.test(path) ? path : link(path);
}

export function card(alert, now) {
  const since = seconds(alert.since);
  const labels = Object.entries(alert.labels).filter(([name]) => !SHOWN_LABELS.has(name));
  const notes = [];
  if (alert.state === "pending") notes.push(t("pending"));
  if (alert.inhibited) notes.push(t("inhibited"));
  if (alert.state === "firing" && !alert.delivered) notes.push(t("undelivered"));
  const severity = alert.severity === "critical" ? t("sevCritical") : alert.severity === "warning" ? t("sevWarning") : alert.severity;
  return el(
    "li",
    { class: "alert", "data-severity": alert.severity, "data-state": alert.state, "data-alert": alert.name },
    el(
      "div",
      { class: "what" },
      el("p", { class: "head" }, el("span", { class: "severity" }, severity), el("b", {}, alert.name), labels.map(([name, value]) => el("code", {}, `${name}=${value}`))),
      el("p", { class: "summary" }, alert.summary),
      el("p", { class: "description" }, alert.description),
      el("p", { class: "since" }, t("wrongSince", { time: moment(since), ago: span(now - since) }), notes.map((note) => el("span", { class: "tag" }, note))),
    ),
    el(
      "div",
      { class: "actions" },
      el("a", { class: "button", href: link(`/runbooks/${encodeURIComponent(alert.name)}`) }, t("runbook")),
      alert.board ? el("a", { class: "button", href: boardPath(alert.board) }, t("panel")) : null,
      el("a", { class: "button", href: silencePath(alert.labels) }, t("silence")),
    ),
  );
}

/** What is said of a server that gave no answer, or not all of it. */
export function problemText({ server, kind, message }) {
  const what = server === "alertmanager" ? "alertmanagerAway" : kind === "unreachable" ? "away" : "partly";
  return `${t(what)} (${message})`;
}

/** Replaces a list's cards; a card that says the same stays, and with it the focus. */
export function fill(list, alerts, now) {
  const before = new Map([...list.children].map((one) => [one.dataset.key, one]));
  const cards = alerts.map((alert) => {
    const made = card(alert, now);
    made.dataset.key = JSON.stringify([alert.name, alert.labels]);
    const old = before.get(made.dataset.key);
    if (old && old.innerText === made.innerText) return old;
    if (old?.contains(document.activeElement)) {
      old.replaceChild(made.querySelector(".what"), old.querySelector(".what"));
      return old;
    }
    return made;
  });
  if (cards.length !== list.children.length || cards.some((one, place) => list.children[place] !== one)) list.replaceChildren(...cards);
}
