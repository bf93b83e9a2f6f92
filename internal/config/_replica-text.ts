/** Where a replica stands in the text of a configuration, to the line: what an edit may take out, and where it may put one in. */
import { type Positioned, placeAt, positionsIn } from "./_positions.ts";

/** A half-open range of offsets that begins and ends at line ends. */
export interface LineRange {
  readonly from: number;
  readonly to: number;
}

const lineStart = (text: string, offset: number): number => (offset <= 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1);

/** The start of the line after the one that holds `offset`. */
function nextLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end + 1;
}

/** A comment for people; "#:schema" speaks to editors, of the whole file. */
const isComment = (line: string): boolean => /^\s*#(?!:)/.test(line);
const isBlank = (line: string): boolean => line.trim() === "";

const isTableHeader = (text: string, { kind, valueAt }: Positioned): boolean => kind === "header" && text[valueAt] === "[";
const isOf = (written: string, { path }: Positioned): boolean => path[0] === "replicas" && path[1] === written;

/** Up over the comment lines that stand right above a line. */
function withCommentsAbove(text: string, from: number): number {
  let start = from;
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!isComment(text.slice(above, start))) break;
    start = above;
  }
  return start;
}

/** The line on which a replica is declared, or on which the first of all is. */
export function lineOfReplica(text: string, written?: string): number {
  const found = positionsIn(text).find(({ path }) => path[0] === "replicas" && (written === undefined || path[1] === written));
  return placeAt(text, found?.keyAt ?? 0).line;
}

/** `[replicas."..."]`, its keys, the comments right above and one blank line beside it; undefined when it is not written so. */
export function tableOfReplica(text: string, written: string): readonly LineRange[] | undefined {
  const positions = positionsIn(text);
  const header = positions.find((one) => isTableHeader(text, one) && one.path.length === 2 && isOf(written, one));
  if (header === undefined) return undefined;
  const end = positions.filter((one) => isOf(written, one)).reduce((last, one) => Math.max(last, one.end), header.end);
  let from = withCommentsAbove(text, lineStart(text, header.valueAt));
  let to = nextLine(text, end);
  const above = text.slice(lineStart(text, from - 1), from);
  const blankAbove = from > 0 && isBlank(above);
  if (to >= text.length && blankAbove) from = lineStart(text, from - 1);
  else if (to < text.length && (from === 0 || blankAbove) && isBlank(text.slice(to, nextLine(text, to)))) to = nextLine(text, to);
  return [{ from, to }];
}

/** Whole lines such as `replicas."/mnt/backup".local = true` or `"/mnt/backup" = { local = true }`; undefined when more stands on them. */
export function keysOfReplica(text: string, written: string): readonly LineRange[] | undefined {
  const values = positionsIn(text).filter((one) => one.kind === "value" && isOf(written, one));
  const outermost = values.filter(
    (one) => !values.some((other) => other !== one && other.valueAt <= one.keyAt && one.end <= other.end),
  );
  const ranges: LineRange[] = [];
  for (const { keyAt, end } of outermost) {
    const to = nextLine(text, end);
    if (text.slice(end, to).replace(/#.*/s, "").trim() !== "") return undefined;
    const start = lineStart(text, keyAt);
    ranges.push({ from: ranges.length === 0 ? withCommentsAbove(text, start) : start, to });
  }
  return ranges.length === 0 ? undefined : ranges;
}

/** Where a new table goes: after the last `[replicas...]` when a blank line or nothing follows it, else at the end. */
export function placeForReplica(text: string): number {
  let end: number | undefined;
  let inReplicas = false;
  for (const one of positionsIn(text)) {
    if (isTableHeader(text, one)) inReplicas = one.path[0] === "replicas";
    if (inReplicas) end = Math.max(end ?? 0, one.end);
  }
  if (end === undefined) return text.length;
  let at = nextLine(text, end);
  while (at < text.length && isComment(text.slice(at, nextLine(text, at)))) at = nextLine(text, at);
  return isBlank(text.slice(at, nextLine(text, at))) ? at : text.length;
}
