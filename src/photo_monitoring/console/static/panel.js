// One panel: its frame, the state it is in, and what draws it.

import { HeatMap, States } from "./cells.js";
import { link } from "./config.js";
import { el, say } from "./dom.js";
import { dressed, seriesOf, transformed } from "./frames.js";
import { panelQueries } from "./queries.js";
import { t } from "./text.js";
import { TimeSeries } from "./timeseries.js";
import { label } from "./units.js";
import { Bars, Gauge, Stat, Table } from "./values.js";

const KINDS = {
  timeseries: TimeSeries,
  stat: Stat,
  gauge: Gauge,
  bargauge: Bars,
  barchart: Bars,
  piechart: Bars,
  table: Table,
  heatmap: HeatMap,
  "state-timeline": States,
};
const AWAY = new Set(["unreachable", "overloaded", "console", "upstream"]);

/** A link of a board: one to a runbook or another board stays on this console, others go where they say. */
export function localLink(url) {
  const found = /\/(?:runbooks\/([A-Za-z0-9]+)|(?:dashboards|d)\/([\w-]+)(?:\/[\w-]+)?)(\?[^#]*)?$/.exec(url);
  if (!found) return url;
  const parameters = new URLSearchParams(found[3] ?? "");
  parameters.delete("lang");
  const rest = parameters.size ? `?${parameters}` : "";
  return link(found[1] ? `/runbooks/${found[1]}${rest}` : `/dashboards/${found[2]}${rest}`);
}

/** The unit of a chart, said once in its head instead of behind each number. */
const unitOf = (panel) => (panel.type === "timeseries" ? label(panel.fieldConfig?.defaults?.unit) : "");

export class PanelView {
  #drawing = null;
  #hasData = false;

  constructor(panel, { address, onZoom, sync }) {
    this.panel = panel;
    this.address = address;
    this.due = true;
    this.visible = false;
    this.hooks = { onZoom, sync };
    const titleId = `panel-${panel.id}-title`;
    this.title = el("a", { href: address() }, panel.title || "–");
    this.note = el("div", { class: "note", id: `panel-${panel.id}-about`, hidden: true });
    this.info = el("button", {
      type: "button",
      class: "info",
      "aria-expanded": "false",
      "aria-controls": this.note.id,
      "aria-label": t("aboutPanel", { title: panel.title }),
      title: panel.description || t("about"),
      onclick: () => this.#toggleNote(),
    }, "i");
    this.body = el("div", { class: "body" });
    this.message = el("div", { class: "message", role: "status" }, t("loading"));
    this.section = el(
      "section",
      { class: "panel", id: `panel-${panel.id}`, "aria-labelledby": titleId, "data-type": panel.type, "data-state": "loading" },
      el("header", {}, el("h3", { id: titleId }, this.title), el("small", { class: "unit" }, unitOf(panel)), this.info),
      this.note,
      this.body,
      this.message,
    );
    const { x = 0, w = 12, h = 8 } = panel.gridPos ?? {};
    for (const [name, value] of [["--x", x + 1], ["--w", w], ["--h", h]]) this.section.style.setProperty(name, value);
    this.section.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !this.note.hidden) {
        this.#toggleNote();
        this.info.focus();
      }
    });
  }

  queries(variables, start, end) {
    return panelQueries(this.panel, variables, start, end, this.body.clientWidth || 600);
  }

  /** Shows the answers to this panel's queries: data, or errors in their place. */
  show(asked, answers, { start, end, marks }) {
    const good = [];
    const errors = [];
    asked.forEach(({ target, query }, index) => {
      if (answers[index] instanceof Error) errors.push(answers[index]);
      else good.push({ target, query, data: answers[index] });
    });
    if (errors.length && !good.length) return this.fail(errors[0]);
    const step = Math.max(...asked.map(({ query }) => query.step ?? 0)) || (end - start) / 100;
    const range = { start: asked[0]?.query.step ? asked[0].query.start : start, end: asked[0]?.query.step ? asked[0].query.end : end, step, marks };
    const drawn = this.#draw(good, range);
    this.#hasData = drawn;
    if (errors.length) this.#state("error", `${t("queryError")}: ${errors[0].message}`);
    else if (drawn) this.#state("ready", "");
    else this.#state("empty", t("noData"));
    return null;
  }

  /** Says why there is nothing new; what was drawn before stays, dimmed. */
  fail(error) {
    if (error.kind === "aborted") return;
    if (AWAY.has(error.kind)) this.#state("away", this.#hasData ? "" : t("away"));
    else if (error.kind === "broken") this.#state("error", `${t("broken")}: ${error.message}`);
    else if (error.kind === "timeout") this.#state("error", `${t("slow")}: ${error.message}`);
    else this.#state("error", `${t("queryError")}: ${error.message}`);
  }

  redraw() {
    this.#drawing?.redraw?.();
  }

  redrawMarks() {
    this.#drawing?.redrawMarks?.();
  }

  updateLink() {
    this.title.href = this.address();
  }

  #state(state, message) {
    this.section.dataset.state = state;
    this.section.toggleAttribute("data-stale", this.#hasData && state !== "ready");
    say(this.message, message);
  }

  #draw(good, range) {
    const Kind = KINDS[this.panel.type];
    if (!Kind) {
      say(this.body, t("unknownPanel", { type: this.panel.type }));
      return true;
    }
    if (!this.#drawing) this.#drawing = new Kind(this.body, this.panel, this.hooks);
    if (this.#drawing.showTable && good.some(({ query }) => query.instant)) {
      const table = transformed(this.panel, good);
      this.#drawing.showTable(table);
      return table.rows.length > 0;
    }
    const series = dressed(this.panel, seriesOf(good));
    this.#drawing.show(series, range);
    return series.some((one) => one.values.some((value) => value !== null));
  }

  #toggleNote() {
    const open = this.note.hidden;
    if (open) this.#fillNote();
    this.note.hidden = !open;
    this.info.setAttribute("aria-expanded", String(open));
  }

  #fillNote() {
    const links = (this.panel.links ?? []).map((one) => el("a", { href: localLink(one.url), class: "button" }, one.title));
    const queries = (this.panel.targets ?? []).map((target) => el("pre", { tabindex: "0" }, target.expr ?? ""));
    this.note.replaceChildren(
      el("p", {}, this.panel.description ?? ""),
      links.length ? el("p", { class: "links" }, links) : "",
      el("details", {}, el("summary", {}, t("queries")), queries),
    );
  }
}

