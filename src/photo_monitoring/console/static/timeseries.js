// Time series: lines or stacked areas, dashed thresholds, marks of deployments and alerts, a legend with values.

import { axisTime, clockTime, moment } from "./clock.js";
import { config } from "./config.js";
import { el } from "./dom.js";
import { colourOf, mapped, reduced } from "./frames.js";
import { t } from "./text.js";
import { axisFont, faded, ink, shade } from "./theme.js";
import { bare, formatted } from "./units.js";

// Where an axis of durations has its marks: round in seconds, minutes, hours and days.
const SECONDS = [
  ...[1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1].flatMap((one) => [one, 2 * one, 5 * one]),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200],
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((days) => days * 86_400),
];
const NEAR_LIMIT = 0.4;
const MAX_SPOKEN = 4;

/** Puts every series on one grid of times: `[times, values, values, …]`, null where nothing was measured. */
function aligned(series, start, end, step) {
  const count = Math.max(2, Math.round((end - start) / step) + 1);
  const times = Array.from({ length: count }, (_, index) => start + index * step);
  const columns = series.map(({ times: own, values }) => {
    const column = new Array(count).fill(null);
    own.forEach((time, index) => {
      const place = Math.round((time - start) / step);
      if (place >= 0 && place < count && Number.isFinite(values[index])) column[place] = values[index];
    });
    return column;
  });
  return [times, ...columns];
}

/** Adds every shown column to the ones before it. */
function stacked([times, ...columns], hidden) {
  const sums = new Array(times.length).fill(0);
  const added = columns.map((column, place) => {
    if (hidden[place]) return column;
    return column.map((value, index) => (value === null ? null : (sums[index] += value)));
  });
  return [times, ...added];
}

/** The scale that a series is drawn on. */
const sideOf = (one) => (one.field.custom?.axisPlacement === "right" ? "right" : "left");

/** What an axis of values needs to know of its field. */
function valueAxis({ unit: full, decimals }) {
  const unit = bare(full);
  const isPercent = unit?.startsWith("percent");
  const values = (_, marks) => {
    const texts = marks.map((mark) => (mark === 0 && !isPercent ? "0" : formatted(mark, unit, decimals)));
    // Marks too close for their digits are written with one more.
    return new Set(texts).size === texts.length ? texts : marks.map((mark) => formatted(mark, unit, (decimals ?? 1) + 1));
  };
  const size = (plot, texts) => {
    if (!texts?.length) return 40;
    plot.ctx.font = axisFont(devicePixelRatio || 1);
    return Math.ceil(Math.max(...texts.map((one) => plot.ctx.measureText(one).width)) / (devicePixelRatio || 1)) + 14;
  };
  return { size, gap: 4, space: 34, values, ...(unit === "s" ? { incrs: SECONDS } : {}) };
}

export class TimeSeries {
  #plot = null;
  #shape = "";
  #hidden = new Set();
  #names = [];
  #marks = [];
  #limits = [];
  #raw = [[], []];
  #series = [];

  constructor(host, panel, { onZoom, sync }) {
    this.panel = panel;
    this.onZoom = onZoom;
    this.sync = sync;
    this.canvas = el("div", { class: "canvas", role: "img" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.legend = el("div", { class: "legend", tabindex: "0", role: "group", "aria-label": t("series") });
    host.replaceChildren(el("div", { class: "plot" }, this.canvas, this.tip), this.legend);
    new ResizeObserver(() => this.#resize()).observe(this.canvas);
  }

  show(series, { start, end, step, marks }) {
    this.#series = series;
    this.#marks = marks;
    const steps = this.panel.fieldConfig.defaults.thresholds?.steps ?? [];
    const style = this.panel.fieldConfig.defaults.custom?.thresholdsStyle?.mode ?? "off";
    this.#limits = style === "off" ? [] : steps.filter((one) => one.value !== null);
    this.#raw = aligned(series, start, end, step);
    const shape = JSON.stringify([series.map((one) => [one.name, one.colour, sideOf(one)]), document.documentElement.dataset.theme]);
    if (shape !== this.#shape || !this.#plot) this.#rebuild(shape);
    else this.#plot.setData(this.#drawn(), false);
    this.#plot.setScale("x", { min: start, max: end });
    this.#showLegend();
  }

  redraw() {
    if (!this.#plot) return;
    const { min, max } = this.#plot.scales.x;
    this.#rebuild("");
    this.#plot.setScale("x", { min, max });
    this.#showLegend();
  }

  /** The marks are the board's own list; this draws what has changed in it. */
  redrawMarks() {
    this.#plot?.redraw(false);
  }

  get #isStacked() {
    const mode = this.panel.fieldConfig.defaults.custom?.stacking?.mode;
    return mode === "normal" || mode === "percent";
  }

  #drawn() {
    return this.#isStacked ? stacked(this.#raw, this.#series.map((one) => this.#hidden.has(one.name))) : this.#raw;
  }

  #size() {
    return { width: Math.max(60, this.canvas.clientWidth), height: Math.max(60, this.canvas.clientHeight) };
  }

  #resize() {
    if (!this.#plot) return;
    const { width, height } = this.#size();
    if (width !== this.#plot.width || height !== this.#plot.height) this.#plot.setSize({ width, height });
  }

  #rebuild(shape) {
    this.#plot?.destroy();
    this.#shape = shape;
    this.#names = this.#series.map((one) => one.name);
    const bands = this.#isStacked ? this.#names.slice(1).map((_, place) => ({ series: [place + 2, place + 1] })) : [];
    this.#plot = new globalThis.uPlot(
      {
        ...this.#size(),
        ms: 1e-3,
        // Marks of hours and days are those of the configured zone, wherever the browser is.
        tzDate: (time) => globalThis.uPlot.tzDate(new Date(time * 1000), config.timezone),
        legend: { show: false },
        padding: [8, 18, 0, 0],
        cursor: {
          sync: { key: this.sync, setSeries: false },
          drag: { x: true, y: false, setScale: false },
          points: { size: 6 },
          focus: { prox: 24 },
        },
        focus: { alpha: 0.35 },
        select: { show: true },
        scales: {
          x: { time: true, auto: false },
          left: { range: (_, low, high) => this.#range(low, high, this.#limits, this.panel.fieldConfig.defaults) },
          right: { range: (_, low, high) => this.#range(low, high, [], { min: 0 }) },
        },
        axes: this.#axes(),
        series: [{}, ...this.#series.map((one) => this.#line(one))],
        bands,
        hooks: {
          draw: [(plot) => this.#drawMarks(plot), (plot) => this.#drawLimits(plot)],
          setCursor: [(plot) => this.#showTip(plot)],
          setSelect: [(plot) => this.#zoom(plot)],
        },
      },
      this.#drawn(),
      this.canvas,
    );
  }

  #line(one) {
    const custom = one.field.custom ?? {};
    const colour = shade(one.colour);
    return {
      label: one.name,
      scale: sideOf(one),
      stroke: colour,
      width: Math.max(1.5, custom.lineWidth ?? 1.5),
      fill: custom.fillOpacity ? faded(colour, custom.fillOpacity / 100) : undefined,
      spanGaps: Boolean(custom.spanNulls),
      show: !this.#hidden.has(one.name),
      points: { show: custom.showPoints === "always" ? true : custom.showPoints === "never" ? false : undefined, size: 4 },
      paths: custom.drawStyle === "bars" ? globalThis.uPlot.paths.bars({ size: [0.8, 24] }) : undefined,
    };
  }

  #axes() {
    const { text, grid } = ink();
    const common = { stroke: text, font: axisFont(), ticks: { show: false } };
    const lines = { stroke: grid, width: 1 };
    const time = (_, marks, __, ___, step) => marks.map((mark) => axisTime(mark, step));
    const right = this.#series.find((one) => sideOf(one) === "right");
    return [
      { ...common, grid: lines, size: 28, gap: 7, space: 64, values: time },
      { ...common, grid: lines, scale: "left", ...valueAxis(this.panel.fieldConfig.defaults) },
      ...(right ? [{ ...common, grid: { show: false }, scale: "right", side: 1, ...valueAxis(right.field) }] : []),
    ];
  }

  #range(low, high, limits, { min, max }) {
    let [bottom, top] = [low ?? 0, high ?? 1];
    // A threshold comes into view when the values are on their way to it.
    for (const { value } of limits) if (top >= value * NEAR_LIMIT && top < value) top = value;
    if (min !== undefined && min !== null) bottom = Math.min(bottom, min);
    if (max !== undefined && max !== null) top = Math.max(top, max);
    if (bottom === top) [bottom, top] = bottom === 0 ? [0, 1] : [bottom - Math.abs(bottom) * 0.1, top + Math.abs(top) * 0.1];
    const room = (top - bottom) * 0.06;
    return [min === bottom || bottom === 0 ? bottom : bottom - room, max === top ? top : top + room];
  }

  #drawLimits(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = 1.25 * devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const { value, color } of this.#limits) {
      if (value > plot.scales.left.max || value < plot.scales.left.min) continue;
      const y = Math.round(plot.valToPos(value, "left", true));
      ctx.strokeStyle = shade(color);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
    }
    ctx.restore();
  }

  #drawMarks(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const { from, to, colour } of this.#marks) {
      const [left, right] = [plot.valToPos(from, "x", true), plot.valToPos(to, "x", true)];
      ctx.fillStyle = faded(shade(colour), 0.08);
      if (right - left > 1) ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.strokeStyle = faded(shade(colour), 0.5);
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(Math.round(left), bbox.top);
      ctx.lineTo(Math.round(left), bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }

  #zoom(plot) {
    if (plot.select.width < 8) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.onZoom(from, to);
  }

  #showTip(plot) {
    const { idx, left, top } = plot.cursor;
    // Every chart's cursor moves with the others'; only the one under the pointer speaks.
    if (idx === null || idx === undefined || left < 0 || !this.canvas.matches(":hover")) {
      this.tip.hidden = true;
      return;
    }
    const time = this.#raw[0][idx];
    const lines = this.#series
      .map((one, place) => ({ one, value: this.#raw[place + 1][idx] }))
      .filter(({ one, value }) => value !== null && value !== undefined && !this.#hidden.has(one.name))
      .sort((a, b) => b.value - a.value)
      .slice(0, 12)
      .map(({ one, value }) => el("div", {}, swatch(one.colour), el("span", {}, one.name), el("b", {}, text(one, value))));
    const near = (plot.scales.x.max - plot.scales.x.min) / 120;
    const marks = this.#marks
      .filter(({ from, to }) => time >= from - near && time <= to + near)
      .slice(0, 6)
      .map(({ colour, title }) => el("div", { class: "mark" }, swatch(colour), el("span", {}, title)));
    this.tip.replaceChildren(el("time", {}, `${moment(time)}${clockTime(time).slice(5)}`), ...lines, ...marks);
    this.tip.hidden = false;
    const width = this.tip.offsetWidth;
    const x = plot.bbox.left / devicePixelRatio + left;
    this.tip.style.left = `${x + width + 24 > plot.width ? Math.max(0, x - width - 12) : x + 12}px`;
    this.tip.style.top = `${Math.max(0, Math.min(top, plot.height - this.tip.offsetHeight))}px`;
  }

  #showLegend() {
    const options = this.panel.options?.legend ?? {};
    const calcs = options.calcs ?? [];
    this.legend.hidden = options.showLegend === false || this.#series.length === 0;
    const spoken = this.#series.slice(0, MAX_SPOKEN).map((one) => `${one.name} ${text(one, reduced(one.values, "lastNotNull"))}`);
    const rest = this.#series.length - MAX_SPOKEN;
    if (rest > 0) spoken.push(t("more", { count: rest }));
    this.canvas.setAttribute("aria-label", t("chartOf", { title: this.panel.title, values: spoken.join(", ") || t("noData") }));
    const titles = { lastNotNull: t("last"), last: t("last"), max: t("max"), min: t("min"), mean: t("mean"), sum: t("sum") };
    const rows = this.#series.map((one) => {
      const shown = !this.#hidden.has(one.name);
      const button = el(
        "button",
        { type: "button", "aria-pressed": String(shown), title: t("hideSeries", { name: one.name }), onclick: () => this.#toggle(one.name) },
        swatch(one.colour),
        el("span", {}, one.name),
      );
      const bareUnit = one.field.unit === this.panel.fieldConfig.defaults.unit;
      const cells = calcs.map((calc) => el("td", {}, text(one, reduced(one.values, calc), { bareUnit })));
      return el("tr", { class: shown ? null : "off" }, el("th", { scope: "row" }, button), cells);
    });
    const first = el("th", { scope: "col" }, el("span", { class: "unseen" }, t("series")), this.#limitChips());
    const head = el("tr", {}, first, calcs.map((calc) => el("th", { scope: "col" }, titles[calc] ?? calc)));
    this.legend.replaceChildren(el("table", { class: calcs.length ? "valued" : "plain" }, el("thead", {}, head), el("tbody", {}, rows)));
  }

  /** The thresholds as text, whether they are in view or far above. */
  #limitChips() {
    const { unit, decimals } = this.panel.fieldConfig.defaults;
    return this.#limits.map(({ value, color }) => {
      const chip = el("span", { class: "limit" }, el("span", { class: "unseen" }, t("threshold")), formatted(value, bare(unit), decimals));
      chip.style.setProperty("--c", shade(color));
      return chip;
    });
  }

  #toggle(name) {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.#series.forEach((one, place) => {
      if (one.name === name) this.#plot.setSeries(place + 1, { show: !this.#hidden.has(name) });
    });
    if (this.#isStacked) this.#plot.setData(this.#drawn(), false);
    this.#plot.redraw(false);
    const focused = document.activeElement?.textContent;
    this.#showLegend();
    [...this.legend.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
  }
}

export function swatch(colour) {
  const mark = el("i", { class: "swatch" });
  mark.style.background = shade(colour);
  return mark;
}

/** A series' value as its field writes it; `bareUnit` where the unit is said elsewhere. */
export function text(one, value, { bareUnit = false } = {}) {
  const mapping = mapped(one.field, value);
  if (mapping?.text) return mapping.text;
  if (value === null) return one.field.noValue ?? "–";
  return formatted(value, bareUnit ? bare(one.field.unit) : one.field.unit, one.field.decimals);
}

/** The shade of a series' value. */
export const tint = (one, value) => shade(colourOf(one, value));

