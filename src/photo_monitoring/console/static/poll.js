// Repeats a question while the page is looked at.

import { ApiError } from "./api.js";
import { banner } from "./banner.js";
import { duration } from "./clock.js";

const SECONDS = duration(new URLSearchParams(location.search).get("refresh")) || 15;

/** Calls `read` and gives its answer to `show`, at once and every 15 s (or `?refresh=`); a failed one becomes the banner. */
export function poll(read, show) {
  let timer = null;
  let running = false;
  let goodAt = 0;
  const round = async () => {
    clearTimeout(timer);
    if (running) return;
    running = true;
    try {
      const answer = await read();
      goodAt = Date.now() / 1000;
      banner(null);
      show(answer);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      banner(error, error.kind === "console" ? 0 : goodAt);
    } finally {
      running = false;
      document.body.dataset.rounds = String(Number(document.body.dataset.rounds ?? 0) + 1);
      timer = setTimeout(() => (document.hidden ? null : round()), Math.max(1, SECONDS) * 1000);
    }
  };
  document.addEventListener("visibilitychange", () => !document.hidden && round());
  round();
  return round;
}
