// From a board's targets to Prometheus' questions: steps as Grafana rounds them, its built-in variables filled in.

import { duration } from "./clock.js";

const SCRAPE = 15;
const ROUND = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** The smallest round number of seconds that gives at most `points` points, at least `least`. */
export function stepOf(span, points, least) {
  const wanted = Math.max(span / points, least);
  return ROUND.find((one) => one >= wanted && one >= least) ?? Math.ceil(wanted / 86_400) * 86_400;
}

const written = (seconds) => (Number.isInteger(seconds) ? `${seconds}s` : `${Math.round(seconds * 1000)}ms`);

/** Grafana's built-in variables for a step and a range, in seconds. */
export function builtIns(step, least, start, end) {
  // A rate needs samples on both sides of its window; Grafana takes four scrapes or a step and a scrape.
  const rate = Math.max(step + least, 4 * least);
  const range = Math.max(1, Math.round(end - start));
  return {
    __interval: written(step),
    __interval_ms: String(Math.round(step * 1000)),
    __rate_interval: written(rate),
    __range: `${range}s`,
    __range_s: String(range),
    __range_ms: String(range * 1000),
    __from: String(Math.round(start * 1000)),
    __to: String(Math.round(end * 1000)),
  };
}

/** The queries of a panel `pixels` wide: what the server wants of each, and its target. */
export function panelQueries(panel, variables, start, end, pixels) {
  const found = [];
  for (const target of panel.targets ?? []) {
    if (target.hide || !target.expr) continue;
    const least = duration(target.interval) || duration(panel.interval) || SCRAPE;
    const points = panel.maxDataPoints ?? Math.min(1200, Math.max(100, Math.round(pixels / 1.5)));
    const step = stepOf(end - start, points, least);
    const expr = variables.fill(target.expr, builtIns(step, least, start, end));
    if (target.instant && !target.range) found.push({ target, query: { expr, start, end, instant: true } });
    else {
      const [first, last] = [Math.floor(start / step) * step, Math.floor(end / step) * step];
      found.push({ target, query: { expr, start: first, end: last, step } });
    }
  }
  return found;
}
