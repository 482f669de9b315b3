// The line under the menu that says what the whole page suffers from.

import { clockTime } from "./clock.js";
import { link } from "./config.js";
import { el } from "./dom.js";
import { t } from "./text.js";

let shown = "";

/** Shows a fault, with the time of the last good values where there are any; null takes it away. */
export function banner(error, goodAt = 0) {
  const box = document.getElementById("banner");
  const key = error ? `${error.kind} ${error.message} ${goodAt}` : "";
  if (key === shown || error?.kind === "aborted") return;
  shown = key;
  if (!error) {
    box.replaceChildren();
    return;
  }
  if (error.kind === "login") {
    const target = encodeURIComponent(location.pathname + location.search);
    box.replaceChildren(el("p", {}, t("loggedOut"), " ", el("a", { href: link(`/login?next=${target}`) }, "→")));
    return;
  }
  const isConsole = error.kind === "console";
  const said = isConsole ? t("consoleAway") : goodAt ? t("awayUntil", { time: clockTime(goodAt) }) : t("away");
  box.replaceChildren(el("p", { "data-kind": error.kind }, said, isConsole ? "" : el("small", {}, ` ${error.message}`)));
}
