// A dashboard: Grafana's JSON as a page. Every refresh is one round of a few requests for the panels in view.

import { ApiError, board as readBoard, query } from "./api.js";
import { banner } from "./banner.js";
import { clockTime, duration, instant } from "./clock.js";
import { config } from "./config.js";
import { rangeControl, refreshControl, VariableControl } from "./controls.js";
import { el, say } from "./dom.js";
import { PanelView } from "./panel.js";
import { t } from "./text.js";
import { onTheme } from "./theme.js";
import { Variables } from "./variables.js";

// A browser has six connections to a server, and one is for the marks: more requests would only wait for each other.
const REQUESTS = 5;
const MAX_QUERIES = 48;
const VARIABLES_SECONDS = 300;
const MARK_POINTS = 240;
const MAX_MARKS = 60;
const AHEAD = "400px";

class Board {
  #controller = null;
  #timer = null;
  #again = false;
  #marks = [];
  #loadedAt = 0;
  #goodAt = 0;

  constructor(json, main) {
    this.json = json;
    const parameters = new URLSearchParams(location.search);
    this.variables = new Variables(json.templating?.list ?? [], parameters);
    this.state = {
      from: parameters.get("from") ?? json.time?.from ?? "now-1h",
      to: parameters.get("to") ?? json.time?.to ?? "now",
      refresh: parameters.get("refresh") ?? (json.refresh || ""),
      panel: parameters.get("viewPanel"),
    };
    if (!this.#range()) Object.assign(this.state, { from: json.time?.from ?? "now-1h", to: "now" });
    this.main = main;
    this.views = [];
    this.#build();
  }

  start() {
    // Panels come into view while one scrolls: those are asked for together.
    let waiting = null;
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) this.byElement.get(target).visible = isIntersecting;
        clearTimeout(waiting);
        waiting = setTimeout(() => this.refresh(false), this.#loadedAt ? 80 : 0);
      },
      { rootMargin: AHEAD },
    );
    this.byElement = new Map(this.views.map((view) => [view.section, view]));
    for (const view of this.views) observer.observe(view.section);
    if (!this.views.length) say(this.main, t("noPanel", { id: this.state.panel }));
    onTheme(() => this.views.forEach((view) => view.redraw()));
    document.addEventListener("visibilitychange", () => !document.hidden && this.refresh(true));
  }

  /** Asks for what is in view: everything again, or (`all` false) only what has no values of this round yet. */
  async refresh(all) {
    if (all) for (const view of this.views) view.due = true;
    if (this.#controller) {
      this.#again = true;
      return;
    }
    const views = this.views.filter((view) => view.due && view.visible);
    if (!views.length) return;
    clearTimeout(this.#timer);
    this.#controller = new AbortController();
    document.body.dataset.busy = "true";
    try {
      await this.#round(views, this.#controller.signal);
    } catch (error) {
      console.error(error); // whatever it was, the next round comes
    }
    this.#controller = null;
    delete document.body.dataset.busy;
    document.body.dataset.rounds = String(Number(document.body.dataset.rounds ?? 0) + 1);
    this.#schedule();
    if (this.#again) {
      this.#again = false;
      await this.refresh(false);
    }
  }

  #schedule() {
    clearTimeout(this.#timer);
    const wait = duration(this.state.refresh);
    if (wait) this.#timer = setTimeout(() => (document.hidden ? this.#schedule() : this.refresh(true)), Math.max(1, wait) * 1000);
  }

  async #round(views, signal) {
    const { start, end } = this.#range();
    const stale = Date.now() / 1000 - this.#loadedAt > VARIABLES_SECONDS;
    const loading = stale ? this.#loadVariables(start, end, signal) : null;
    if (!this.variables.areSettled) await loading;
    for (const view of views) view.due = false;
    const asked = views
      .map((view) => ({ view, asked: attempt(view, () => view.queries(this.variables, start, end)) }))
      .filter((one) => one.asked);
    const marking = this.#loadMarks(start, end, signal);
    const rounds = groups(asked).map((group) => this.#ask(group, { start, end }, signal));
    const failures = (await Promise.all(rounds)).filter(Boolean);
    await Promise.all([marking, loading]);
    this.#report(failures, rounds.length, signal);
  }

  async #ask(group, range, signal) {
    const queries = group.flatMap(({ asked }) => asked.map((one) => one.query));
    if (!queries.length) return null;
    let answers;
    try {
      answers = await query(queries, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      answers = queries.map(() => error);
    }
    let place = 0;
    for (const { view, asked } of group) {
      const own = answers.slice(place, (place += asked.length));
      attempt(view, () => view.show(asked, own, { ...range, marks: this.#marks }));
    }
    return answers.every((one) => one instanceof Error) ? answers[0] : null;
  }

  #report(failures, count, signal) {
    if (signal.aborted) return;
    if (failures.length < count) this.#goodAt = Date.now() / 1000;
    const worst = failures.find((one) => one.kind !== "bad_data") ?? null;
    if (worst && failures.length === count) banner(worst, this.#goodAt);
    else banner(null);
    if (this.#goodAt) say(this.asOf, t("updated", { time: clockTime(this.#goodAt) }));
  }

  async #loadVariables(start, end, signal) {
    const failure = await this.variables.load(start, end, signal);
    if (!failure) this.#loadedAt = Date.now() / 1000;
    for (const control of this.variableControls) control.draw();
  }

  /** Deployments and firing alerts, as stretches of time. */
  async #loadMarks(start, end, signal) {
    const kinds = (this.json.annotations?.list ?? []).filter((one) => one.enable && one.expr);
    if (!kinds.length) return;
    const queries = kinds.map((kind) => {
      const step = Math.max(duration(kind.step) || 60, Math.ceil((end - start) / MARK_POINTS));
      return { expr: this.variables.fill(kind.expr, {}), start: Math.floor(start / step) * step, end: Math.floor(end / step) * step, step };
    });
    let answers;
    try {
      answers = await query(queries, signal);
    } catch {
      return; // the panels' own questions say what is wrong
    }
    const found = answers.flatMap((data, place) => (data instanceof Error ? [] : stretches(kinds[place], data.result, queries[place].step)));
    this.#marks.splice(0, this.#marks.length, ...found.slice(0, MAX_MARKS));
    for (const view of this.views) view.redrawMarks();
  }

  #range() {
    const now = Date.now() / 1000;
    const [start, end] = [instant(this.state.from, now), instant(this.state.to, now)];
    return start !== null && end !== null && start < end ? { start, end } : null;
  }

  #changed() {
    history.replaceState(null, "", this.#address());
    for (const view of this.views) view.updateLink();
    const other = document.getElementById("language");
    const parameters = new URLSearchParams(location.search);
    const swap = new URL(other.href).searchParams.get("lang");
    if (swap) parameters.set("lang", swap);
    else parameters.delete("lang");
    other.href = `${location.pathname}?${parameters}`;
  }

  #address(panel = this.state.panel) {
    const parameters = new URLSearchParams(location.search);
    const set = (name, value, usual) => (value && value !== usual ? parameters.set(name, value) : parameters.delete(name));
    set("from", this.state.from, this.json.time?.from);
    set("to", this.state.to, this.json.time?.to ?? "now");
    if (this.state.refresh === (this.json.refresh ?? "")) parameters.delete("refresh");
    else parameters.set("refresh", this.state.refresh);
    set("viewPanel", panel, null);
    this.variables.write(parameters);
    const text = parameters.toString();
    return text ? `?${text}` : location.pathname;
  }

  #choose(changes) {
    Object.assign(this.state, changes);
    this.#changed();
    this.#loadedAt = 0;
    this.#controller?.abort();
    this.refresh(true);
  }

  #build() {
    const zoom = (from, to) => {
      this.#choose({ from: String(Math.round(from * 1000)), to: String(Math.round(to * 1000)) });
      this.rangeControl.draw();
    };
    const view = (panel) => {
      const made = new PanelView(panel, { address: () => this.#address(String(panel.id)), onZoom: zoom, sync: this.json.uid });
      this.views.push(made);
      return made.section;
    };
    this.rangeControl = rangeControl(this.json, this.state, (from, to) => this.#choose({ from, to }));
    this.variableControls = this.variables.shown.map((variable) => new VariableControl(variable, () => this.#choose({})));
    this.asOf = el("span", { class: "as-of" });
    const refresh = refreshControl(this.json, this.state, (interval) => {
      this.state.refresh = interval;
      this.#changed();
      this.#schedule();
    }, () => this.refresh(true));
    const head = el(
      "div",
      { class: "board-head" },
      el("div", { class: "heading" }, el("h1", {}, this.json.title), el("p", {}, this.json.description ?? "")),
      el("div", { class: "controls" }, this.variableControls.map((one) => one.box), this.rangeControl.box, refresh, this.asOf),
    );
    this.main.replaceChildren(head, ...(this.state.panel ? this.#single(view) : rows(this.json.panels, view)));
    // A click elsewhere closes an open list.
    document.addEventListener("click", (event) => {
      for (const { box } of this.variableControls) if (box.open && !box.contains(event.target)) box.open = false;
    });
  }

  #single(view) {
    const panels = this.json.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    const panel = panels.find((one) => one.type !== "row" && String(one.id) === this.state.panel);
    const back = el("p", { class: "back" }, el("a", { href: this.#address(null), class: "button" }, `← ${t("allPanels")}`));
    if (!panel) return [back, el("p", { class: "empty" }, t("noPanel", { id: this.state.panel }))];
    return [back, el("div", { class: "grid single" }, view(panel))];
  }
}

/** Rows with their headings; a collapsed one opens by its button. */
function rows(panels, view) {
  const found = [];
  let grid = null;
  const place = (panel) => (panel.type === "row" ? null : view(panel));
  for (const panel of panels) {
    if (panel.type === "row") {
      grid = el("div", { class: "grid", id: `row-${panel.id}`, hidden: panel.collapsed });
      grid.append(...(panel.panels ?? []).map(place).filter(Boolean));
      const button = el("button", { type: "button", "aria-expanded": String(!panel.collapsed), "aria-controls": grid.id }, panel.title);
      const own = grid;
      button.addEventListener("click", () => {
        own.hidden = !own.hidden;
        button.setAttribute("aria-expanded", String(!own.hidden));
      });
      found.push(el("section", { class: "row", "aria-label": panel.title }, el("h2", {}, button), grid));
      continue;
    }
    if (!grid) {
      grid = el("div", { class: "grid" });
      found.push(grid);
    }
    grid.append(place(panel));
  }
  return found;
}

/** Does a panel's part of a round; what goes wrong in it is said there, and the other panels go on. */
function attempt(view, part) {
  try {
    return part();
  } catch (error) {
    console.error(error);
    view.fail(new ApiError("broken", error.message));
    return null;
  }
}

/** Panels in a few groups, in their order; each becomes one request with a bounded number of queries. */
function groups(asked) {
  const size = Math.ceil(asked.length / REQUESTS);
  const found = [];
  let count = 0;
  for (const one of asked) {
    const current = found.at(-1);
    if (current && current.length < size && count + one.asked.length <= MAX_QUERIES) {
      current.push(one);
      count += one.asked.length;
    } else {
      found.push([one]);
      count = one.asked.length;
    }
  }
  return found;
}

function stretches(kind, result, step) {
  const fill = (pattern, labels) => (pattern ?? "").replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "");
  return result.flatMap(({ metric, values }) => {
    const found = [];
    for (const [time] of values) {
      const last = found.at(-1);
      if (last && time - last.to <= step * 1.5) last.to = time;
      else found.push({ from: time, to: time });
    }
    const said = [fill(kind.titleFormat, metric), fill(kind.textFormat, metric)].filter(Boolean).join(" · ");
    return found.map((one) => ({ ...one, colour: kind.iconColor, title: `${kind.name}: ${said}` }));
  });
}

export async function show(main) {
  main.setAttribute("aria-busy", "true");
  try {
    new Board(await readBoard(config.uid), main).start();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    banner(error);
  }
  main.removeAttribute("aria-busy");
}
