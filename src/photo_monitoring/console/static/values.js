// Panels of single values: stat, gauge, bars, tables.

import { moment } from "./clock.js";
import { el, svg } from "./dom.js";
import { colourOf, fieldOf, ordered, reduced, stepAt } from "./frames.js";
import { t } from "./text.js";
import { text, tint } from "./timeseries.js";
import { shade } from "./theme.js";

const MAX_ROWS = 500;

/** The latest values of a panel's series, each with its name, text and colour. */
function values(panel, series) {
  const calc = panel.options?.reduceOptions?.calcs?.[0] ?? "lastNotNull";
  return series.map((one) => {
    const value = reduced(one.values, calc);
    return { one, value, name: one.name, text: text(one, value), colour: tint(one, value) };
  });
}

/** A line of a series' course in a box of 100 by 30. */
export function sparkline(points, colour, top = null) {
  const known = points.filter((value) => value !== null);
  if (known.length < 2) return null;
  const high = top ?? Math.max(...known, 0);
  const low = Math.min(...known, 0);
  const size = high - low || 1;
  let path = "";
  let first = null;
  let last = 0;
  points.forEach((value, index) => {
    if (value === null) return;
    const x = (index / (points.length - 1)) * 100;
    const y = 29 - ((value - low) / size) * 27;
    path += `${path && points[index - 1] !== null ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    first ??= x;
    last = x;
  });
  const area = path.split("M").length === 2 ? svg("path", { d: `${path}L${last} 30L${first} 30Z`, fill: colour, opacity: 0.14 }) : "";
  return svg(
    "svg",
    { viewBox: "0 0 100 30", preserveAspectRatio: "none", class: "spark", "aria-hidden": "true", focusable: "false" },
    area,
    svg("path", { d: path, fill: "none", stroke: colour, "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }),
  );
}

export class Stat {
  constructor(host, panel) {
    this.panel = panel;
    this.host = host;
  }

  show(series) {
    const shown = values(this.panel, series);
    const withNames = shown.length > 1 || this.panel.options?.textMode === "value_and_name";
    this.host.replaceChildren(
      el(
        "div",
        { class: "stats" },
        shown.map(({ one, name, text: said, colour }) => {
          const big = el("b", {}, said);
          big.style.color = colour;
          const graph = this.panel.options?.graphMode === "area" ? sparkline(one.values, colour) : null;
          return el("div", { class: "stat" }, el("div", { class: "said" }, withNames ? el("span", { class: "name" }, name) : null, big), graph);
        }),
      ),
    );
  }
}

const START = (-210 * Math.PI) / 180;
const SWEEP = (240 * Math.PI) / 180;

function arc(from, to, radius) {
  const point = (part) => {
    const angle = START + SWEEP * part;
    return `${(50 + radius * Math.cos(angle)).toFixed(2)} ${(50 + radius * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${point(from)}A${radius} ${radius} 0 ${SWEEP * (to - from) > Math.PI ? 1 : 0} 1 ${point(to)}`;
}

export class Gauge {
  constructor(host, panel) {
    this.panel = panel;
    this.host = host;
  }

  show(series) {
    const dials = values(this.panel, series).map(({ one, value, name, text: said, colour }) => {
      const { min = 0, max = 100, thresholds } = one.field;
      const part = (number) => Math.min(1, Math.max(0, (number - min) / (max - min || 1)));
      const steps = (thresholds?.steps ?? []).map((step) => ({ ...step, at: part(step.value ?? min) }));
      const ring = steps.map((step, index) => {
        const end = steps[index + 1]?.at ?? 1;
        return end > step.at ? svg("path", { d: arc(step.at, end, 46), fill: "none", stroke: shade(step.color), "stroke-width": 3 }) : "";
      });
      const dial = svg(
        "svg",
        { viewBox: "0 0 100 80", role: "img", "aria-label": `${name}: ${said}` },
        ring,
        svg("path", { d: arc(0, 1, 38), fill: "none", class: "track", "stroke-width": 9 }),
        value !== null && part(value) > 0 ? svg("path", { d: arc(0, part(value), 38), fill: "none", stroke: colour, "stroke-width": 9 }) : "",
        svg("text", { x: 50, y: 56, "text-anchor": "middle", fill: colour, class: said.length > 6 ? "long" : "short" }, said),
      );
      return el("div", { class: "dial" }, dial, el("span", { class: "name" }, name));
    });
    this.host.replaceChildren(el("div", { class: "dials" }, dials));
  }
}

/** Horizontal bars; of instant answers in a table (bar chart), or of a panel's series (bar gauge). */
export class Bars {
  constructor(host, panel) {
    this.panel = panel;
    this.host = host;
  }

  show(series) {
    this.#draw(values(this.panel, series).map(({ name, value, text: said, colour }) => ({ name, value, said, colour })));
  }

  showTable({ fields, rows }) {
    const { xField } = this.panel.options ?? {};
    const label = fields.includes(xField) ? xField : fields.find((field) => rows.some((row) => typeof row[field] === "string"));
    const numbers = fields.filter((field) => field !== label && rows.some((row) => typeof row[field] === "number"));
    const bars = rows.slice(0, MAX_ROWS).flatMap((row) =>
      numbers.map((field) => {
        const settings = fieldOf(this.panel, field, "");
        const one = { field: settings, colour: settings.color?.fixedColor ?? "blue", fixed: settings.color?.mode !== "thresholds" };
        const value = row[field] ?? null;
        const name = numbers.length > 1 ? `${row[label]} · ${field}` : String(row[label] ?? field);
        return { name, value, said: text(one, value), colour: shade(colourOf(one, value)) };
      }),
    );
    this.#draw(bars);
  }

  #draw(bars) {
    const most = this.panel.fieldConfig.defaults.max ?? Math.max(...bars.map((bar) => bar.value ?? 0), 0);
    const rows = bars.map(({ name, value, said, colour }) => {
      const fill = el("i", { class: "fill" });
      fill.style.width = `${most > 0 ? Math.min(100, (100 * Math.max(0, value ?? 0)) / most) : 0}%`;
      fill.style.background = colour;
      return el("tr", {}, el("th", { scope: "row", title: name }, name), el("td", { class: "track" }, fill), el("td", { class: "value" }, said));
    });
    this.host.replaceChildren(el("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": this.panel.title }, el("table", { class: "bars" }, el("tbody", {}, rows))));
  }
}

export class Table {
  constructor(host, panel) {
    this.panel = panel;
    this.host = host;
    const [sort] = panel.options?.sortBy ?? [];
    this.sort = sort ? { field: sort.displayName, desc: Boolean(sort.desc) } : null;
  }

  showTable(table) {
    this.table = table;
    const settings = new Map(table.fields.map((field) => [field, fieldOf(this.panel, field, "")]));
    const isNumber = (field) => table.rows.some((row) => typeof row[field] === "number");
    const rows = this.sort && table.fields.includes(this.sort.field) ? ordered(table.rows, this.sort.field, this.sort.desc) : table.rows;
    const head = table.fields.map((field) => {
      const sorted = this.sort?.field === field;
      const button = el("button", { type: "button", "aria-label": t("sortBy", { name: field }), onclick: () => this.#sortBy(field) }, field, sorted ? (this.sort.desc ? " ↓" : " ↑") : "");
      return el("th", { scope: "col", class: isNumber(field) ? "number" : null, "aria-sort": sorted ? (this.sort.desc ? "descending" : "ascending") : null }, button);
    });
    const body = rows.slice(0, MAX_ROWS).map((row) => el("tr", {}, table.fields.map((field) => this.#cell(row[field], settings.get(field)))));
    this.host.replaceChildren(
      el("div", { class: "scrolls", tabindex: "0", role: "group", "aria-label": this.panel.title }, el("table", { class: "data" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body))),
    );
  }

  #cell(value, settings) {
    if (value instanceof Date) return el("td", { class: "number" }, moment(value / 1000));
    if (typeof value !== "number") return el("td", {}, value ?? "–");
    const cell = el("td", { class: "number" }, text({ field: settings }, value));
    const step = settings.color?.mode === "thresholds" ? stepAt(settings, value) : null;
    if (step && step.value !== null) cell.style.color = shade(step.color);
    return cell;
  }

  #sortBy(field) {
    const desc = this.sort?.field === field ? !this.sort.desc : true;
    this.sort = { field, desc };
    const focused = this.table.fields.indexOf(field);
    this.showTable(this.table);
    this.host.querySelectorAll("thead button")[focused]?.focus();
  }
}

