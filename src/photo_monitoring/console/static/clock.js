// Times: as people read them, in the configured zone; ranges as Grafana writes them (`now-1h`).

import { config, lang } from "./config.js";
import { t } from "./text.js";

const zone = config.timezone;
const formats = new Map();

function format(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat(lang === "ko" ? "ko-KR" : "en-GB", { timeZone: zone, hourCycle: "h23", ...options }));
  }
  return formats.get(key);
}

const HM = { hour: "2-digit", minute: "2-digit" };
const HMS = { ...HM, second: "2-digit" };
const DAY = { month: "short", day: "numeric" };

export const hourMinute = (seconds) => format(HM).format(seconds * 1000);
export const clockTime = (seconds) => format(HMS).format(seconds * 1000);
export const dayMonth = (seconds) => format(DAY).format(seconds * 1000);
const date = (seconds) => format({ year: "numeric", month: "2-digit", day: "2-digit" }).format(seconds * 1000);

/** How many seconds the configured zone is ahead of UTC at a time. */
export function zoneOffset(seconds) {
  const { year, month, day, hour, minute, second } = Object.fromEntries(
    format({ year: "numeric", month: "numeric", day: "numeric", ...HMS }).formatToParts(seconds * 1000).map(({ type, value }) => [type, Number(value)]),
  );
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - Math.floor(seconds);
}

/** The time of day, with the date unless that is today's. */
export function moment(seconds, now = Date.now() / 1000) {
  const time = hourMinute(seconds);
  return date(seconds) === date(now) ? time : `${dayMonth(seconds)} ${time}`;
}

/** A time axis' marks: dates where the marks are days apart, seconds where they are seconds apart. */
export function axisTime(seconds, step) {
  if (step >= 86_400) return dayMonth(seconds);
  if (step < 60) return clockTime(seconds);
  const time = hourMinute(seconds);
  return time === "00:00" ? dayMonth(seconds) : time;
}

/** How long, in the two largest units that say it. */
export function span(seconds) {
  const rest = Math.max(0, Math.round(seconds));
  if (rest < 60) return t("seconds", { n: rest });
  if (rest < 3600) return t("minutes", { n: Math.floor(rest / 60) });
  const minutes = Math.floor((rest % 3600) / 60);
  if (rest < 86_400) {
    const hours = t("hours", { n: Math.floor(rest / 3600) });
    return minutes ? `${hours} ${t("minutes", { n: minutes })}` : hours;
  }
  const hours = Math.floor((rest % 86_400) / 3600);
  const days = t("days", { n: Math.floor(rest / 86_400) });
  return hours ? `${days} ${t("hours", { n: hours })}` : days;
}

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of a duration such as `30s` or `1d`; 0 when it is none. */
export function duration(text) {
  const found = /^(\d+(?:\.\d+)?)(ms|[smhdw])$/.exec(text ?? "");
  return found ? Number(found[1]) * UNITS[found[2]] : 0;
}

/** The unix seconds that `now`, `now-6h` or a number of milliseconds stands for; null when none. */
export function instant(text, now) {
  if (text === "now") return now;
  if (text?.startsWith("now-")) {
    const back = duration(text.slice(4));
    return back ? now - back : null;
  }
  return /^\d{10,14}$/.test(text ?? "") ? Number(text) / 1000 : null;
}

/** Unix seconds of an RFC 3339 time, or of a number. */
export const seconds = (time) => (typeof time === "number" ? time : Date.parse(time) / 1000);
