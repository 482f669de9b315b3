// A runbook's page: above its text, whether its alert fires now.

import { alerts } from "./api.js";
import { fill } from "./alertlist.js";
import { config } from "./config.js";
import { el, say } from "./dom.js";
import { poll } from "./poll.js";
import { t } from "./text.js";

export function show() {
  const state = el("p", { class: "state-line", role: "status" });
  const list = el("ul", { class: "alerts" });
  document.getElementById("live").replaceChildren(state, list);
  poll(() => alerts(), (answer) => {
    const own = answer.alerts.filter((one) => one.name === config.alert);
    const isKnown = !answer.problems.some((one) => one.server === "prometheus");
    const firing = own.some((one) => one.state === "firing");
    state.dataset.level = firing ? "critical" : "healthy";
    say(state, firing ? t("isFiring") : isKnown ? t("isQuiet") : t("away"));
    fill(list, own, Date.now() / 1000);
  });
}
