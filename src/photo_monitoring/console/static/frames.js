// Prometheus' answers → named, coloured series and tables, with a panel's field settings and transformations.

import { paletteNames } from "./theme.js";

function number(text) {
  if (text === "NaN") return null;
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}

function labelled(metric) {
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length ? `${name}{${pairs.join(", ")}}` : name || "Value";
}

function named(target, metric) {
  const pattern = target.legendFormat;
  if (!pattern || pattern === "__auto") return labelled(metric);
  return pattern.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? "");
}

/** A panel's series, each `{name, ref, labels, times, values}`, in the order of its queries. */
export function seriesOf(answers) {
  const found = [];
  for (const { target, data } of answers) {
    for (const one of data.result) {
      if (data.resultType === "scalar" || data.resultType === "string") continue;
      const points = one.values ?? [one.value];
      found.push({
        name: named(target, one.metric),
        ref: target.refId,
        labels: one.metric,
        times: points.map((point) => point[0]),
        values: points.map((point) => number(point[1])),
      });
    }
    if (data.resultType === "scalar") {
      found.push({ name: named(target, {}), ref: target.refId, labels: {}, times: [data.result[0]], values: [number(data.result[1])] });
    }
  }
  return found;
}

/** Whether an override's matcher means a field. */
function matches(matcher, name, ref) {
  if (matcher.id === "byName") return matcher.options === name;
  if (matcher.id === "byFrameRefID") return matcher.options === ref;
  if (matcher.id === "byRegexp") return new RegExp(matcher.options.replace(/^\/|\/$/g, "")).test(name);
  return false;
}

/** The settings of one field: the panel's, with the overrides that mean it. */
export function fieldOf(panel, name, ref) {
  const field = { ...panel.fieldConfig?.defaults };
  field.custom = { ...field.custom };
  for (const { matcher, properties } of panel.fieldConfig?.overrides ?? []) {
    if (!matches(matcher, name, ref)) continue;
    for (const { id, value } of properties) {
      if (id.startsWith("custom.")) field.custom[id.slice(7)] = value;
      else field[id] = value;
    }
  }
  return field;
}

/** Gives every series its field's settings and a colour's name. */
export function dressed(panel, series) {
  const palette = paletteNames(series.map((one) => one.name));
  for (const one of series) {
    one.field = fieldOf(panel, one.name, one.ref);
    const { mode, fixedColor } = one.field.color ?? {};
    one.fixed = mode === "fixed";
    one.colour = one.fixed ? fixedColor : palette.get(one.name);
    if (one.field.displayName) one.name = one.field.displayName;
  }
  return series.filter((one) => !one.field.custom?.hideFrom?.viz);
}

/** What is left of a series' values: `lastNotNull`, `max`, `min`, `mean`, `sum`, `last`, `first`, `range`, `delta`. */
export function reduced(values, calc) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return null;
  if (calc === "last") return values.at(-1);
  if (calc === "first" || calc === "firstNotNull") return known[0];
  if (calc === "max") return known.reduce((a, b) => Math.max(a, b));
  if (calc === "min") return known.reduce((a, b) => Math.min(a, b));
  if (calc === "sum") return known.reduce((a, b) => a + b);
  if (calc === "mean") return known.reduce((a, b) => a + b) / known.length;
  if (calc === "delta" || calc === "diff") return known.at(-1) - known[0];
  if (calc === "count") return known.length;
  return known.at(-1);
}

/** The step of the thresholds that a value has reached: `{value, color}`. */
export function stepAt(field, value) {
  const steps = field.thresholds?.steps ?? [];
  let [low, high] = [0, 1];
  if (field.thresholds?.mode === "percentage") [low, high] = [field.min ?? 0, (field.max ?? 100) - (field.min ?? 0)];
  const limit = (step) => (field.thresholds?.mode === "percentage" ? low + (step.value / 100) * high : step.value);
  let reached = null;
  for (const step of steps) if (step.value === null || value >= limit(step)) reached = step;
  return reached;
}

/** The text and colour that a mapping gives a value; null when none does. */
export function mapped(field, value) {
  for (const mapping of field.mappings ?? []) {
    if (mapping.type === "value" && String(value) in mapping.options) return mapping.options[String(value)];
    if (mapping.type === "range") {
      const { from, to, result } = mapping.options;
      if (value !== null && value >= (from ?? -Infinity) && value <= (to ?? Infinity)) return result;
    }
    if (mapping.type === "special" && mapping.options.match === "null" && value === null) return mapping.options.result;
  }
  return null;
}

/** The colour's name of a value: its mapping's, its threshold's, or the series' own. */
export function colourOf(one, value) {
  const mapping = mapped(one.field, value);
  if (mapping?.color) return mapping.color;
  if (!one.fixed && one.field.color?.mode === "thresholds" && value !== null) return stepAt(one.field, value)?.color ?? "text";
  return one.colour;
}

/** A table `{fields, rows}` of instant answers: a row a series, a field a label, then `Value` or `Value #<ref>`. */
function tableOf(answers) {
  const several = answers.length > 1;
  const tables = answers.map(({ target, data }) => {
    const value = several ? `Value #${target.refId}` : "Value";
    const rows = (data.resultType === "vector" || data.resultType === "matrix" ? data.result : []).map((one) => {
      const [time, text] = one.value ?? one.values.at(-1);
      return { Time: new Date(time * 1000), ...one.metric, [value]: number(text) };
    });
    return { fields: [...new Set(["Time", ...rows.flatMap((row) => Object.keys(row))])], rows };
  });
  return tables;
}

function merge(tables) {
  const fields = [...new Set(tables.flatMap((table) => table.fields))];
  const isValue = (field) => field === "Time" || field === "Value" || field.startsWith("Value #");
  const rows = new Map();
  for (const row of tables.flatMap((table) => table.rows)) {
    const key = JSON.stringify(fields.filter((field) => !isValue(field)).map((field) => row[field]));
    rows.set(key, { ...rows.get(key), ...row });
  }
  return { fields, rows: [...rows.values()] };
}

const TRANSFORMATIONS = {
  merge: (tables) => [merge(tables)],
  filterFieldsByName: (tables, { include, exclude }) =>
    tables.map(({ fields, rows }) => ({
      fields: fields.filter((field) => {
        if (include?.names) return include.names.includes(field);
        if (include?.pattern) return new RegExp(include.pattern.replace(/^\/|\/$/g, "")).test(field);
        return !exclude?.names?.includes(field);
      }),
      rows,
    })),
  organize: (tables, { renameByName = {}, indexByName = {}, excludeByName = {} }) =>
    tables.map(({ fields, rows }) => {
      const kept = fields.filter((field) => !excludeByName[field]);
      kept.sort((a, b) => (indexByName[a] ?? 1e6) - (indexByName[b] ?? 1e6));
      const name = (field) => renameByName[field] || field;
      return { fields: kept.map(name), rows: rows.map((row) => Object.fromEntries(kept.map((field) => [name(field), row[field]]))) };
    }),
  sortBy: (tables, { sort = [] }) =>
    tables.map(({ fields, rows }) => ({ fields, rows: sort.reduce((sorted, { field, desc }) => ordered(sorted, field, desc), rows) })),
  limit: (tables, { limitField = 10 }) => tables.map(({ fields, rows }) => ({ fields, rows: rows.slice(0, limitField) })),
};

/** Rows by a field: numbers by size, texts as people count, what is missing last. */
export function ordered(rows, field, descending) {
  const { compare } = new Intl.Collator("en", { numeric: true });
  return [...rows].sort((one, other) => {
    const [a, b] = [one[field], other[field]].map((value) => (value instanceof Date ? value.getTime() : value));
    if (a === undefined || a === null) return 1;
    if (b === undefined || b === null) return -1;
    const sign = typeof a === "number" && typeof b === "number" ? a - b : compare(String(a), String(b));
    return descending ? -sign : sign;
  });
}

/** The panel's table after its transformations; ones that this console does not know leave it as it is. */
export function transformed(panel, answers) {
  let tables = tableOf(answers);
  for (const { id, options, disabled } of panel.transformations ?? []) {
    if (!disabled && TRANSFORMATIONS[id]) tables = TRANSFORMATIONS[id](tables, options ?? {});
  }
  return tables.length === 1 ? tables[0] : merge(tables);
}
