// Panels of cells on a canvas: a heat map (a row a series or bucket), a timeline of states.

import { axisTime, moment, zoneOffset } from "./clock.js";
import { el } from "./dom.js";
import { mapped, stepAt } from "./frames.js";
import { t } from "./text.js";
import { axisFont, ink, isDark, shade } from "./theme.js";
import { text } from "./timeseries.js";
import { formatted } from "./units.js";

const AXIS = 22;
const MARKS = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

class Cells {
  constructor(host, panel) {
    this.panel = panel;
    this.canvas = el("canvas", { role: "img" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.foot = el("div", { class: "limits" });
    this.box = el("div", { class: "plot" }, this.canvas, this.tip);
    host.replaceChildren(this.box, this.foot);
    this.canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    new ResizeObserver(() => this.redraw()).observe(this.box);
  }

  show(series, range) {
    this.rows = this.rowsOf(series);
    this.range = range;
    const spoken = this.rows.slice(0, 4).map((row) => `${row.name} ${this.said(row, row.values.at(-1) ?? null)}`);
    this.canvas.setAttribute("aria-label", t("chartOf", { title: this.panel.title, values: spoken.join(", ") }));
    this.redraw();
  }

  redraw() {
    if (!this.rows) return;
    const [width, height, scale] = [this.box.clientWidth, this.box.clientHeight, devicePixelRatio || 1];
    if (width < 40 || height < 40) return;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const ctx = this.canvas.getContext("2d");
    ctx.scale(scale, scale);
    ctx.font = axisFont();
    const names = this.rows.map((row) => shortened(row.name));
    const left = Math.min(width * 0.4, Math.max(24, ...names.map((name) => ctx.measureText(name).width)) + 10);
    this.area = { left, top: 4, width: width - left - 6, height: height - AXIS - 4 };
    this.#axes(ctx, names);
    ctx.beginPath();
    ctx.rect(this.area.left, 0, this.area.width, height);
    ctx.clip();
    this.draw(ctx, this.area);
  }

  get rowHeight() {
    return this.area.height / Math.max(1, this.rows.length);
  }

  x(time) {
    const { start, end } = this.range;
    return this.area.left + ((time - start) / (end - start || 1)) * this.area.width;
  }

  #axes(ctx, names) {
    const { text: colour, grid } = ink();
    ctx.fillStyle = colour;
    ctx.textBaseline = "middle";
    ctx.textAlign = "right";
    const every = Math.max(1, Math.ceil(14 / this.rowHeight));
    names.forEach((name, index) => {
      if (index % every === 0) ctx.fillText(name, this.area.left - 6, this.area.top + (index + 0.5) * this.rowHeight);
    });
    ctx.textAlign = "center";
    const { start, end } = this.range;
    const wanted = ((end - start) * 70) / this.area.width;
    const step = MARKS.find((one) => one >= wanted) ?? 2_592_000;
    // Marks are round on the clock on the wall.
    const shift = zoneOffset(end);
    ctx.strokeStyle = grid;
    for (let time = Math.ceil((start + shift) / step) * step - shift; time <= end; time += step) {
      ctx.fillText(axisTime(time, step), Math.min(Math.max(this.x(time), this.area.left + 16), this.area.left + this.area.width - 16), this.area.top + this.area.height + AXIS / 2);
    }
  }

  #point(event) {
    if (!this.rows?.length) return;
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const row = this.rows[Math.floor((y - this.area.top) / this.rowHeight)];
    const time = this.range.start + ((x - this.area.left) / this.area.width) * (this.range.end - this.range.start);
    const index = row?.times.findLastIndex((one) => one <= time + this.range.step / 2) ?? -1;
    if (x < this.area.left || index < 0 || time - row.times[index] > 2 * this.range.step) {
      this.tip.hidden = true;
      return;
    }
    this.tip.replaceChildren(el("time", {}, moment(row.times[index])), el("div", {}, el("span", {}, row.name), el("b", {}, this.said(row, row.values[index]))));
    this.tip.hidden = false;
    this.tip.style.left = `${Math.min(x + 12, box.width - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y, box.height - this.tip.offsetHeight))}px`;
  }
}

function shortened(name) {
  return name.length > 20 ? `${name.slice(0, 8)}…${name.slice(-4)}` : name;
}

export class HeatMap extends Cells {
  /** Rows from the bottom up: buckets without what lower buckets count, or series as they are. */
  rowsOf(series) {
    if (this.panel.targets?.[0]?.format !== "heatmap") return [...series].reverse();
    const bound = (one) => (one.labels.le === "+Inf" ? Infinity : Number(one.labels.le));
    const buckets = [...series].sort((a, b) => bound(a) - bound(b));
    const { unit } = this.panel.fieldConfig.defaults;
    const rows = buckets.map((one, place) => {
      const below = new Map(place ? buckets[place - 1].times.map((time, index) => [time, buckets[place - 1].values[index]]) : []);
      const values = one.values.map((value, index) => Math.max(0, (value ?? 0) - (below.get(one.times[index]) ?? 0)));
      return { ...one, name: bound(one) === Infinity ? "∞" : formatted(bound(one), unit), values };
    });
    return rows.reverse();
  }

  said(row, value) {
    return formatted(value, this.panel.options?.cellValues?.unit ?? "short", this.panel.options?.cellValues?.decimals);
  }

  draw(ctx, { top }) {
    const { le = -Infinity } = this.panel.options?.filterValues ?? {};
    const { exponent = 0.5, scale } = this.panel.options?.color ?? {};
    const values = this.rows.flatMap((row) => row.values.filter((value) => value !== null && value > le));
    const most = values.length ? values.reduce((a, b) => Math.max(a, b)) : 0;
    const wide = Math.max(1, this.x(this.range.start + this.range.step) - this.x(this.range.start));
    this.rows.forEach((row, place) => {
      row.values.forEach((value, index) => {
        if (value === null || value <= le || most <= 0) return;
        const part = scale === "linear" ? value / most : (value / most) ** exponent;
        ctx.fillStyle = heat(part);
        ctx.fillRect(this.x(row.times[index]) - wide, top + place * this.rowHeight + 0.5, wide + 0.25, Math.max(1, this.rowHeight - 1));
      });
    });
    this.#showScale(most);
  }

  #showScale(most) {
    const strip = el("i", { class: "strip" });
    strip.style.background = `linear-gradient(90deg, ${[0.05, 0.35, 0.65, 1].map(heat).join(",")})`;
    this.foot.replaceChildren("0", strip, this.said(null, most));
  }
}

/** From barely to fully hot, on this theme's background. */
function heat(part) {
  const lightness = isDark() ? 22 + 48 * part : 90 - 48 * part;
  return `hsl(${(48 - 30 * part).toFixed(0)} ${(60 + 35 * part).toFixed(0)}% ${lightness.toFixed(0)}%)`;
}

export class States extends Cells {
  rowsOf(series) {
    return series;
  }

  said(row, value) {
    return text(row, value);
  }

  #look(row, value) {
    const mapping = mapped(row.field, value);
    const colour = mapping?.color ?? stepAt(row.field, value)?.color ?? row.colour;
    return { said: mapping?.text ?? formatted(value, row.field.unit, row.field.decimals), colour: shade(colour) };
  }

  draw(ctx, { top, left, width }) {
    const { step } = this.range;
    const seen = new Map();
    this.rows.forEach((row, place) => {
      let begun = 0;
      row.values.forEach((value, index) => {
        const ends = index === row.values.length - 1 || row.values[index + 1] !== value || row.times[index + 1] - row.times[index] > 1.5 * step;
        if (!ends) return;
        const from = Math.max(left, this.x(row.times[begun]));
        const to = Math.min(left + width, this.x(row.times[index] + step));
        begun = index + 1;
        if (value === null) return;
        const { said, colour } = this.#look(row, value);
        seen.set(said, colour);
        const [y, high] = [top + place * this.rowHeight + this.rowHeight * 0.1, this.rowHeight * 0.8];
        ctx.globalAlpha = 0.75;
        ctx.fillStyle = colour;
        ctx.fillRect(from, y, Math.max(1, to - from), high);
        ctx.globalAlpha = 1;
        if (to - from > ctx.measureText(said).width + 12 && high > 12) {
          ctx.fillStyle = isDark() ? "#0b0d11" : "#ffffff";
          ctx.textAlign = "left";
          ctx.fillText(said, from + 6, y + high / 2);
        }
      });
    });
    this.foot.replaceChildren(
      ...[...seen].map(([said, colour]) => {
        const chip = el("span", { class: "limit solid" }, said);
        chip.style.setProperty("--c", colour);
        return chip;
      }),
    );
  }
}
