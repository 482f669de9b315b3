// What the server tells a page, and addresses that keep the language.

export const config = JSON.parse(document.body.dataset.config ?? "{}");
export const lang = config.lang;

export function link(path) {
  if (lang === config.defaultLang) return path;
  return `${path}${path.includes("?") ? "&" : "?"}lang=${lang}`;
}
