// Values as people read them, by Grafana's ids of units.

const SI = ["", " K", " M", " B", " T"];
const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const BITS = ["b", "kb", "Mb", "Gb", "Tb"];

const TABLE = {
  none: (value, places) => plain(value, places),
  short: (value, places) => scaled(value, 1000, SI, 0, places, ""),
  locale: (value, places) => value.toLocaleString("en-US", { maximumFractionDigits: places ?? 2 }),
  percentunit: (value, places) => `${plain(value * 100, places)}%`,
  percent: (value, places) => `${plain(value, places)}%`,
  ms: (value, places) => time(value / 1000, places),
  s: (value, places) => time(value, places),
  m: (value, places) => time(value * 60, places),
  h: (value, places) => time(value * 3600, places),
  d: (value, places) => time(value * 86_400, places),
  dtdurations: (value, places) => time(value, places),
  decbytes: (value, places) => scaled(value, 1000, DECIMAL, 0, places),
  bytes: (value, places) => scaled(value, 1024, BINARY, 0, places),
  decmbytes: (value, places) => scaled(value, 1000, DECIMAL, 2, places),
  decgbytes: (value, places) => scaled(value, 1000, DECIMAL, 3, places),
  Bps: (value, places) => `${scaled(value, 1000, DECIMAL, 0, places)}/s`,
  binBps: (value, places) => `${scaled(value, 1024, BINARY, 0, places)}/s`,
  bps: (value, places) => `${scaled(value, 1000, BITS, 0, places)}/s`,
  Mbits: (value, places) => `${scaled(value, 1000, BITS, 2, places)}/s`,
  reqps: (value, places) => `${TABLE.short(value, places)} req/s`,
  reqpm: (value, places) => `${TABLE.short(value, places)} req/min`,
  cps: (value, places) => `${TABLE.short(value, places)} c/s`,
  cpm: (value, places) => `${TABLE.short(value, places)} c/min`,
  ops: (value, places) => `${TABLE.short(value, places)} ops/s`,
  opm: (value, places) => `${TABLE.short(value, places)} ops/min`,
  bool: (value) => (value ? "True" : "False"),
  currencyKRW: (value, places) => `₩${TABLE.short(value, places)}`,
  currencyUSD: (value, places) => `$${TABLE.short(value, places)}`,
};

function places(value) {
  const size = Math.abs(value);
  if (size === 0 || size >= 100 || Number.isInteger(value)) return 0;
  if (size >= 10) return 1;
  if (size >= 1) return 2;
  return Math.min(6, 2 - Math.floor(Math.log10(size)));
}

function plain(value, wanted) {
  if (wanted !== undefined && wanted !== null) return value.toFixed(wanted);
  const text = value.toFixed(places(value));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(value, base, names, first, wanted, gap = " ") {
  let power = first;
  let rest = value;
  while (Math.abs(rest) >= base && power < names.length - 1) [rest, power] = [rest / base, power + 1];
  while (Math.abs(rest) < 1 && rest !== 0 && power > 0 && first > 0) [rest, power] = [rest * base, power - 1];
  // A rate of 999.96 rounds to the next name's 1.
  if (Math.abs(Number(plain(rest, wanted))) >= base && power < names.length - 1) [rest, power] = [rest / base, power + 1];
  return names[power] === "" ? plain(rest, wanted) : `${plain(rest, wanted)}${gap}${names[power]}`;
}

function time(value, wanted) {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.001) return `${plain(value * 1e6, wanted)} µs`;
  if (size < 1) return `${plain(value * 1e3, wanted)} ms`;
  if (size < 120) return `${plain(value, wanted)} s`;
  if (size < 7200) return `${plain(value / 60, wanted)} min`;
  if (size < 172_800) return `${plain(value / 3600, wanted)} h`;
  return `${plain(value / 86_400, wanted)} d`;
}

const BEHIND = { reqps: "req/s", reqpm: "req/min", cps: "c/s", cpm: "c/min", ops: "ops/s", opm: "ops/min" };

/** What a unit writes behind every number, and is said once where there are many; empty where it scales with them. */
export function label(unit) {
  if (unit?.startsWith("suffix:")) return unit.slice(7).trim();
  return BEHIND[unit] ?? "";
}

/** The unit of numbers whose label is said elsewhere. */
export const bare = (unit) => (label(unit) ? "short" : unit);

/** A value in a unit; an unknown unit is written behind the number. */
export function formatted(value, unit = "short", decimals = undefined) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const found = TABLE[unit];
  if (found) return found(value, decimals);
  if (unit.startsWith("suffix:")) return `${TABLE.short(value, decimals)} ${unit.slice(7).trim()}`;
  if (unit.startsWith("prefix:")) return `${unit.slice(7).trim()}${TABLE.short(value, decimals)}`;
  if (unit.startsWith("currency:")) return `${unit.slice(9).trim()}${TABLE.short(value, decimals)}`;
  return `${TABLE.short(value, decimals)} ${unit}`;
}
