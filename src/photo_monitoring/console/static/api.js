// Questions to the console's own server: each with a time-out, each failure with a kind.

import { lang } from "./config.js";

const TIMEOUT = 20_000;

export class ApiError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

async function ask(method, path, body, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT);
  let answer;
  try {
    answer = await fetch(path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    if (answer.ok) return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw new ApiError("aborted", "");
    throw new ApiError(error.name === "TimeoutError" ? "timeout" : "console", error.message);
  }
  throw await failure(answer);
}

async function failure(answer) {
  if (answer.status === 401) return new ApiError("login", "");
  const text = await answer.text().catch(() => "");
  try {
    const said = JSON.parse(text);
    return new ApiError(said.errorType, said.error);
  } catch {
    return new ApiError("refused", text.trim() || `status ${answer.status}`);
  }
}

const inLanguage = (path) => `${path}?lang=${lang}`;

export const overview = (signal) => ask("GET", inLanguage("/api/overview"), undefined, signal);
export const alerts = (signal) => ask("GET", inLanguage("/api/alerts"), undefined, signal);
export const board = (uid) => ask("GET", inLanguage(`/api/boards/${encodeURIComponent(uid)}`));
export const silences = () => ask("GET", "/api/silences");
export const createSilence = (silence) => ask("POST", "/api/silences", silence);
export const expireSilence = (id) => ask("DELETE", `/api/silences/${encodeURIComponent(id)}`);

/** Answers of a batch of queries: each Prometheus' own data, or an ApiError. */
export async function query(queries, signal) {
  const answers = await ask("POST", "/api/query", { queries }, signal);
  return answers.map((one) => (one.status === "success" ? one.data : new ApiError(one.errorType, one.error)));
}

export async function labelValues(label, match, start, end, signal) {
  const parameters = new URLSearchParams({ label, start, end });
  if (match) parameters.set("match", match);
  const answer = await ask("GET", `/api/label-values?${parameters}`, undefined, signal);
  return answer.data;
}
