// Calls of the server, in Connect's JSON: the public API, and the service beside it.

/** An error of a call, with a title and a text that can be shown. */
export class CallError extends Error {
  constructor(title, message, code) {
    super(message);
    this.title = title;
    this.code = code;
  }
}

const TITLES = {
  not_found: "Not found",
  invalid_argument: "The server did not accept that",
  already_exists: "That exists already",
  unauthenticated: "The server wants an API key",
  permission_denied: "Not allowed",
  unavailable: "The server is stopping or overloaded",
  unimplemented: "This server does not offer that",
};

/** Calls a method such as `JobService/GetJob`. */
export async function call(method, request = {}, { signal, headers, package: name = "workflows.v1" } = {}) {
  let answer;
  try {
    answer = await fetch(`/${name}.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(request),
      credentials: "same-origin",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    document.dispatchEvent(new CustomEvent("unreachable"));
    throw new CallError("No server answers", "Is it still running? The page tries again by itself.", "unreachable");
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  const code = body.code ?? `http_${answer.status}`;
  throw new CallError(TITLES[code] ?? "The call failed", body.message ?? `HTTP status ${answer.status}`, code);
}

/** Whether an error only says that the page was left. */
export function isAbort(error) {
  return error?.name === "AbortError";
}

/** Bytes of base64 text, of either alphabet. */
export function bytes(base64) {
  const text = atob((base64 ?? "").replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Base64 of bytes. */
export function base64(data) {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Hexadecimal digits of base64 text. */
export function hex(base64Text) {
  return Array.from(bytes(base64Text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The text of an id message, as UUIDs are written; empty if there is none. */
export function uuid(id) {
  const digits = id?.uuid ? hex(id.uuid) : "";
  if (digits.length !== 32) return "";
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => digits.slice(from, to))
    .join("-");
}

/** The id message of a UUID's text. */
export function id(text) {
  const digits = text.replaceAll("-", "");
  const data = new Uint8Array(16);
  for (let place = 0; place < 16; place += 1) data[place] = Number.parseInt(digits.slice(2 * place, 2 * place + 2), 16);
  return { uuid: base64(data) };
}

/** An id as UUIDs are written, out of a text that is one with or without dashes. */
export function written(text) {
  return uuid(id(text.trim().toLowerCase()));
}

/** Whether a text is a UUID. */
export function isUuid(text) {
  return /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test((text ?? "").trim());
}

/** A job with its statistics, without the list of tasks that `GetJob` adds. */
export async function readJob(job, options) {
  const filters = { idInterval: { startId: id(job), endId: id(job), endInclusive: true } };
  const answer = await call("JobService/QueryJobs", { filters, page: { limit: 1 } }, options);
  const found = answer.jobs?.[0];
  if (!found) throw new CallError("There is no such job", `No job has the id ${job}.`, "not_found");
  return found;
}

/** A trace context for a new job. */
export function traceParent() {
  const random = (count) =>
    Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `00-${random(16)}-${random(8)}-01`;
}
