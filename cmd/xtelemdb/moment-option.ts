/** The value of `since=2h` (that long ago), `since=2026-11-01` or `since=2026-11-01T08:00Z`; a time without a zone is UTC, as all that is printed. */
import { InvalidArgumentError } from "commander";
import { DURATION_EXAMPLES, parseDuration } from "../../internal/config/mod.ts";

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

/** Milliseconds since 1970; undefined for what is no moment. */
export function parseMoment(text: string, now: number): number | undefined {
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago;
  const [, time, , , zone] = ISO.exec(text) ?? [];
  if (!ISO.test(text)) return undefined;
  const milliseconds = Date.parse(time !== undefined && zone === undefined ? `${text}Z` : text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

export function momentOption(text: string): number {
  const moment = parseMoment(text, Date.now());
  if (moment === undefined) {
    throw new InvalidArgumentError(`a duration (${DURATION_EXAMPLES}) or a time such as 2026-11-01T08:00Z is expected.`);
  }
  return moment;
}
