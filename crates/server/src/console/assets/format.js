// How times, spans of time, numbers and bytes are written.

import { h } from "./dom.js";

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const precise = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const numbers = new Intl.NumberFormat();

/** Milliseconds since 1970 of a timestamp; NaN if there is none. */
export function instant(timestamp) {
  return timestamp ? Date.parse(timestamp) : Number.NaN;
}

/** Milliseconds of a count of nanoseconds written as text. */
export function fromNanos(nanos) {
  return Number(BigInt(nanos ?? 0) / 1000n) / 1000;
}

/** Milliseconds of a duration such as `1.5s`. */
export function milliseconds(duration) {
  return duration ? Number.parseFloat(duration) * 1000 : 0;
}

/** A count, with separators. */
export function count(value) {
  return numbers.format(Number(value ?? 0));
}

/** A count and its noun. */
export function counted(value, one, many = `${one}s`) {
  return `${count(value)} ${Number(value) === 1 ? one : many}`;
}

/** A span of time, short. */
export function span(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1) return ms <= 0 ? "0 ms" : `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A moment as text: the time of today, else the day and the time. */
export function moment(ms, clockOf = clock) {
  if (!Number.isFinite(ms)) return "–";
  const date = new Date(ms);
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return clockOf.format(date);
  const shown = date.getFullYear() === now.getFullYear() ? day : dayOfYear;
  return `${shown.format(date)}, ${clockOf.format(date)}`;
}

/** How long ago a moment was, in words. */
export function ago(ms) {
  const seconds = (Date.now() - ms) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 45) return "just now";
  if (seconds < 5400) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return counted(Math.round(seconds / 86400), "day") + " ago";
}

/** A moment in the viewer's zone, with the absolute time on hover. */
export function time(ms, { relative = false, millis = false } = {}) {
  if (!Number.isFinite(ms)) return h("span", { class: "faint" }, "–");
  const text = relative ? ago(ms) : moment(ms, millis ? precise : clock);
  const iso = new Date(ms).toISOString();
  return h("time", { datetime: iso, title: `${full.format(ms)}\n${iso}` }, text);
}

/** Text without what could drive a terminal or hide: control characters become visible. */
export function visible(text) {
  // The order of characters must not be turned around by a log line either.
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    const digits = character.charCodeAt(0).toString(16);
    return digits.length > 2 ? `\\u${digits}` : `\\x${digits.padStart(2, "0")}`;
  });
}

/** Bytes as text, if they are UTF-8; null otherwise. */
export function utf8(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return null;
  }
}

/** Bytes as people read them: JSON indented, other text as it is, anything else in hexadecimal digits. */
export function readable(data) {
  const text = utf8(data);
  if (text !== null) {
    try {
      return { kind: "JSON", text: JSON.stringify(JSON.parse(text), null, 2) };
    } catch {
      if (!/[\u0000-\u0008\u000e-\u001f]/.test(text)) return { kind: "text", text };
    }
  }
  const lines = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = Array.from(data.slice(at, at + 16));
    const digits = row
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join(" ")
      .padEnd(47);
    const letters = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${digits}  ${letters}`);
  }
  return { kind: "bytes", text: lines.join("\n") };
}
