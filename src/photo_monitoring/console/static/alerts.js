// All alerts and silences.

import { ApiError, alerts, expireSilence, silences } from "./api.js";
import { fill, problemText } from "./alertlist.js";
import { moment, seconds } from "./clock.js";
import { link } from "./config.js";
import { el, say } from "./dom.js";
import { poll } from "./poll.js";
import { t } from "./text.js";

export function show(main) {
  const lists = Object.fromEntries(["firingNow", "pendingNow", "silencedNow"].map((name) => [name, el("ul", { class: "alerts" })]));
  const quiet = el("p", { class: "empty", hidden: true }, t("noAlerts"));
  const notice = el("p", { class: "wrong", role: "alert", hidden: true });
  const table = el("ul", { class: "silences" });
  main.replaceChildren(
    el("h1", {}, t("firingNow")),
    notice,
    lists.firingNow,
    quiet,
    el("section", { hidden: true, "aria-label": t("pendingNow") }, el("h2", {}, t("pendingNow")), lists.pendingNow),
    el("section", { hidden: true, "aria-label": t("silencedNow") }, el("h2", {}, t("silencedNow")), lists.silencedNow),
    el("section", { "aria-label": t("silences") }, el("h2", {}, t("silences")), table, el("p", {}, el("a", { class: "button", href: link("/silences/new") }, t("newSilence")))),
  );
  const again = poll(
    async () => {
      const [list, held] = await Promise.all([alerts(), silences().catch((error) => (error instanceof ApiError ? error : Promise.reject(error)))]);
      return { list, held };
    },
    ({ list, held }) => {
      const now = Date.now() / 1000;
      const silenced = list.alerts.filter((one) => one.silences.length);
      const firing = list.alerts.filter((one) => one.state === "firing" && !one.silences.length);
      const pending = list.alerts.filter((one) => one.state === "pending" && !one.silences.length);
      for (const [name, some] of [["firingNow", firing], ["pendingNow", pending], ["silencedNow", silenced]]) {
        fill(lists[name], some, now);
        if (name !== "firingNow") lists[name].parentElement.hidden = some.length === 0;
      }
      quiet.hidden = firing.length > 0 || list.problems.some((one) => one.server === "prometheus");
      notice.hidden = list.problems.length === 0;
      say(notice, list.problems.map(problemText).join(" "));
      if (held instanceof ApiError) table.replaceChildren(el("li", { class: "wrong" }, `${t("silencesUnread")} (${held.message})`));
      else drawSilences(table, held, (id) => end(id, notice, again));
    },
  );
}

async function end(id, notice, again) {
  try {
    await expireSilence(id);
    await again();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    notice.hidden = false;
    say(notice, t("failed", { what: error.message }));
  }
}

export const matcherText = ({ name, value, isRegex, isEqual }) => `${name}${isEqual ? "=" : "!"}${isRegex ? "~" : isEqual ? "" : "="}${JSON.stringify(value)}`;

function drawSilences(list, held, onEnd) {
  const drawn = held.map((one) =>
    el(
      "li",
      { "data-silence": one.id },
      el("p", { class: "head" }, one.matchers.map((matcher) => el("code", {}, matcherText(matcher)))),
      el("p", {}, t("byWhom", { author: one.author, reason: one.reason })),
      el("p", { class: "since" }, t("until", { time: moment(seconds(one.ends)) })),
      el("button", { type: "button", onclick: () => onEnd(one.id) }, t("expire")),
    ),
  );
  list.replaceChildren(...(drawn.length ? drawn : [el("li", { class: "empty" }, t("noSilences"))]));
}
