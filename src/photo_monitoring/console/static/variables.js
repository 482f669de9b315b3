// A board's variables: which values there are, which are chosen (in the URL, as Grafana has them), how they go into PromQL.

import { labelValues } from "./api.js";

const ALL = "$__all";
const MANY = 500;
const LABEL_VALUES = /^label_values\(\s*(?:([\s\S]+?)\s*,\s*)?([A-Za-z_]\w*)\s*\)$/;

/** A value as a part of a regular expression, inside a string of PromQL. */
function escaped(value) {
  return value
    .replace(/[\\^$.*+?()[\]{}|]/g, (character) => (character === "\\" ? "\\\\\\\\" : `\\\\${character}`))
    .replace(/"/g, '\\"');
}

function asRegex(values) {
  return values.length === 1 ? escaped(values[0]) : `(${values.map(escaped).join("|")})`;
}

const asText = (value) => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"');

class Variable {
  constructor(model, parameters) {
    this.name = model.name;
    this.label = model.label || model.name;
    this.kind = model.type;
    this.multi = Boolean(model.multi);
    this.includeAll = Boolean(model.includeAll);
    this.allValue = model.allValue ?? null;
    this.hidden = model.hide === 2 || model.type === "datasource";
    this.source = typeof model.query === "object" ? model.query?.query : model.query;
    this.options = [];
    const current = [model.current?.value ?? []].flat();
    this.initial = current.length ? current : this.includeAll ? [ALL] : [];
    const asked = parameters.getAll(`var-${this.name}`);
    this.chosen = asked.length ? asked.slice(0, MANY).map((one) => (one === "All" ? ALL : one)) : this.initial;
    if (this.kind === "custom") this.options = (this.source ?? "").split(",").map((one) => one.trim()).filter(Boolean);
    if (this.kind === "constant" || this.kind === "textbox") this.chosen = [this.source ?? ""];
  }

  get isAll() {
    return this.chosen.includes(ALL) || (this.includeAll && this.chosen.length === 0);
  }

  /** Whether queries can be written before the values are known. */
  get isSettled() {
    return this.kind !== "query" || !this.isAll || this.allValue !== null;
  }

  /** The text that stands for the variable in PromQL. */
  written(format) {
    if (this.kind === "datasource") return "";
    if (this.isAll && this.allValue !== null) return this.allValue;
    const values = this.isAll ? this.options : this.chosen;
    if (format === "csv") return values.join(",");
    if (format === "pipe") return values.join("|");
    if (format === "raw" || format === "text") return values.join(",");
    if (format === "regex" || this.multi || this.includeAll) return asRegex(values.length ? values : ["^$"]);
    return asText(values[0] ?? "");
  }
}

export class Variables {
  constructor(models, parameters) {
    this.list = models.map((model) => new Variable(model, parameters));
    this.byName = new Map(this.list.map((one) => [one.name, one]));
  }

  get shown() {
    return this.list.filter((one) => !one.hidden && one.kind !== "constant");
  }

  get areSettled() {
    return this.list.every((one) => one.isSettled);
  }

  /** Reads the values of every query variable, in parallel; a variable whose question fails keeps what it had. */
  async load(start, end, signal) {
    const failures = await Promise.all(
      this.list.filter((one) => one.kind === "query").map((one) => this.#loadOne(one, start, end, signal)),
    );
    return failures.find(Boolean) ?? null;
  }

  async #loadOne(variable, start, end, signal) {
    const found = LABEL_VALUES.exec(this.fill(variable.source ?? "", {}).trim());
    if (!found) return null;
    try {
      const values = await labelValues(found[2], found[1], start, end, signal);
      const order = new Intl.Collator("en", { numeric: true }).compare;
      variable.options = values.filter((one) => one !== "").sort(order);
      return null;
    } catch (error) {
      return error;
    }
  }

  /** Puts variables and Grafana's built-in ones (by name, without `$`) into a text. */
  fill(text, builtIn) {
    return text.replace(/\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]/g, (whole, plain, braced, format, square) => {
      const name = plain ?? braced ?? square;
      if (name in builtIn) return builtIn[name];
      return this.byName.has(name) ? this.byName.get(name).written(format) : whole;
    });
  }

  /** Writes what is chosen into a URL's parameters; what is as the board has it is left out. */
  write(parameters) {
    for (const variable of this.list) {
      parameters.delete(`var-${variable.name}`);
      if (variable.chosen.join("\n") === variable.initial.join("\n")) continue;
      for (const value of variable.chosen) parameters.append(`var-${variable.name}`, value);
    }
  }
}

/** The choice after one value was switched: All and single values exclude each other. */
export function switched(variable, value) {
  if (value === ALL) return [ALL];
  if (!variable.multi) return [value];
  const before = variable.isAll ? [] : variable.chosen;
  const after = before.includes(value) ? before.filter((one) => one !== value) : [...before, value];
  return after.length || !variable.includeAll ? after : [ALL];
}

export { ALL };
