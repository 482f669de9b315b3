// The head of a board: time range, refresh, variables. What is chosen goes into the URL.

import { duration, moment, span } from "./clock.js";
import { el } from "./dom.js";
import { t } from "./text.js";
import { ALL, switched } from "./variables.js";

const RANGES = ["5m", "15m", "30m", "1h", "3h", "6h", "24h", "2d", "7d", "30d"];
const REFRESHES = ["5s", "10s", "30s", "1m", "5m", "15m", "1h"];

function option(value, text, selected) {
  return el("option", { value, selected: value === selected }, text);
}

/** The choice of a time range: the board's own first, each as a button; the rest in a list. */
export function rangeControl(json, state, onChange) {
  const quick = (json.timepicker?.quick_ranges ?? []).filter((one) => one.to === "now");
  const first = quick.length ? quick : ["1h", "6h", "24h"].map((one) => ({ from: `now-${one}`, to: "now", display: span(duration(one)) }));
  const box = el("div", { class: "ranges", role: "group", "aria-label": t("range") });
  const draw = () => {
    const buttons = first.map(({ from, display }) =>
      el("button", { type: "button", title: display, "aria-pressed": String(state.to === "now" && state.from === from), onclick: () => choose(from, "now") }, span(duration(from.slice(4)))),
    );
    const known = [...new Set([...RANGES.map((one) => `now-${one}`), ...first.map((one) => one.from)])];
    known.sort((a, b) => duration(a.slice(4)) - duration(b.slice(4)));
    const isKnown = state.to === "now" && known.includes(state.from);
    const list = el("select", { "aria-label": t("range"), onchange: (event) => choose(event.target.value, "now") });
    const isFirst = isKnown && first.some((one) => one.from === state.from);
    if (!isKnown || isFirst) list.append(option("", isFirst ? t("otherRange") : named(), ""));
    for (const from of known) {
      if (!first.some((one) => one.from === from)) list.append(option(from, span(duration(from.slice(4))), isKnown && !isFirst ? state.from : null));
    }
    const out = isKnown ? null : el("button", { type: "button", class: "zoom-out", onclick: () => choose(json.time?.from ?? "now-1h", "now") }, t("zoomOut"));
    box.replaceChildren(...buttons, list, ...(out ? [out] : []));
  };
  const named = () => {
    const [from, to] = [Number(state.from) / 1000, Number(state.to) / 1000];
    if (from && to) return t("zoomed", { from: moment(from), to: moment(to) });
    return `${state.from} – ${state.to}`;
  };
  const choose = (from, to) => {
    if (!from) return;
    onChange(from, to);
    draw();
  };
  draw();
  return { box, draw };
}

export function refreshControl(json, state, onChange, onNow) {
  const known = [...new Set([...(json.timepicker?.refresh_intervals ?? REFRESHES), state.refresh])].filter(Boolean);
  known.sort((a, b) => duration(a) - duration(b));
  const list = el("select", { "aria-label": t("refresh"), onchange: (event) => onChange(event.target.value) });
  list.append(option("", t("off"), state.refresh), ...known.map((one) => option(one, span(duration(one)), state.refresh)));
  const now = el("button", { type: "button", id: "refresh-now", "aria-label": t("refreshNow"), title: t("refreshNow"), onclick: onNow }, "↻");
  return el("div", { class: "refresh" }, list, now);
}

/** One list of a variable's values, in a box that opens; several can be chosen where the variable allows it. */
export class VariableControl {
  constructor(variable, onChange) {
    this.variable = variable;
    this.onChange = onChange;
    this.summary = el("summary");
    this.list = el("div", { class: "choices", role: "group", "aria-label": variable.label });
    this.box = el("details", { class: "variable", "data-variable": variable.name }, this.summary, this.list);
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.box.open) return;
      this.box.open = false;
      this.summary.focus();
    });
    this.box.addEventListener("toggle", () => this.box.open && this.#drawList());
    this.draw();
  }

  draw() {
    const { label, chosen, isAll } = this.variable;
    const said = isAll ? t("all") : chosen.length > 2 ? t("chosen", { count: chosen.length }) : chosen.join(", ");
    this.summary.replaceChildren(el("span", {}, `${label} `), el("b", {}, said || "–"));
    if (this.box.open) this.#drawList();
  }

  #drawList() {
    const { variable } = this;
    const known = [...new Set([...variable.options, ...variable.chosen.filter((one) => one !== ALL)])];
    const entries = variable.includeAll ? [ALL, ...known] : known;
    const kind = variable.multi ? "checkbox" : "radio";
    const focused = document.activeElement?.value;
    this.list.replaceChildren(
      ...entries.map((value) => {
        const checked = value === ALL ? variable.isAll : !variable.isAll && variable.chosen.includes(value);
        const input = el("input", { type: kind, name: `var-${variable.name}`, value, checked, onchange: () => this.#switch(value) });
        return el("label", {}, input, value === ALL ? t("all") : value);
      }),
    );
    [...this.list.querySelectorAll("input")].find((one) => one.value === focused)?.focus();
  }

  #switch(value) {
    this.variable.chosen = switched(this.variable, value);
    this.draw();
    this.onChange();
  }
}
