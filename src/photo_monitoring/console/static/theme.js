// Colours: Grafana's names and palette, in a dark and a light shade each.

const SHADES = {
  green: ["#5fbf77", "#1f883d"],
  yellow: ["#f2c744", "#9a6700"],
  orange: ["#ff9a3d", "#bc4c00"],
  red: ["#ff6573", "#cf222e"],
  blue: ["#6cb0ff", "#0969da"],
  purple: ["#c297ff", "#8250df"],
  text: ["#e6e9ef", "#24292f"],
  grey: ["#8b95a5", "#6e7781"],
  teal: ["#3fc6bd", "#0f7f7a"],
  pink: ["#ff8cc6", "#bf3989"],
  lime: ["#b5d84b", "#5b7a00"],
  sky: ["#7ad3ff", "#0b7ea8"],
  brown: ["#d3a27a", "#8a5a2b"],
  indigo: ["#9aa7ff", "#4c55c9"],
};
const PALETTE = ["blue", "orange", "green", "purple", "teal", "yellow", "pink", "sky", "lime", "indigo", "brown", "red"];

export const isDark = () => document.documentElement.dataset.theme !== "light";

/** The shade of a colour's name in this theme; `dark-`, `light-`, `semi-dark-` and their like are the plain colour. */
export function shade(name) {
  if (name?.startsWith("#") || name?.startsWith("rgb")) return name;
  const plain = (name ?? "").replace(/^(super-light|light|semi-dark|dark)-/, "");
  const [dark, light] = SHADES[plain] ?? SHADES.grey;
  return isDark() ? dark : light;
}

/** Colours by name, the same on every board; two of one panel differ for as long as there are colours. */
export function paletteNames(names) {
  const taken = new Set();
  const chosen = new Map();
  for (const name of [...new Set(names)].sort()) {
    let place = 0;
    for (const character of name) place = (place * 31 + character.codePointAt(0)) % 9973;
    let tries = 0;
    while (taken.has(PALETTE[place % PALETTE.length]) && tries < PALETTE.length) [place, tries] = [place + 1, tries + 1];
    const colour = PALETTE[place % PALETTE.length];
    taken.add(colour);
    chosen.set(name, colour);
  }
  return chosen;
}

/** A colour with an opacity from 0 to 1. */
export function faded(colour, opacity) {
  return `${colour}${Math.round(opacity * 255).toString(16).padStart(2, "0")}`;
}

/** Colours of axes and grids, from the style sheet. */
export function ink() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { text: read("--muted"), grid: read("--grid"), panel: read("--panel"), strong: read("--text") };
}

/** The font of axes: in step with the page's own size, which a wall screen raises; on a canvas of `scale` pixels a pixel. */
export function axisFont(scale = 1) {
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.75 * scale;
  return `${size}px system-ui, "Noto Sans KR", "Noto Sans CJK KR", sans-serif`;
}

const listeners = new Set();

/** Calls back when the theme changes, until the returned function is called. */
export function onTheme(callback) {
  listeners.add(callback);
}

export function swapTheme() {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
  for (const listener of listeners) listener();
}
