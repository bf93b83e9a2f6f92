/** How a backup that is there already is laid out: what its folders stand for at their origins. */
import { absolutePath, isWithin } from "./names.ts";

/** What lies at `from` below a host's folder has its origin at `to`. Both are absolute paths; "/" is the host's folder itself. */
export interface Rewrite {
  readonly from: string;
  readonly to: string;
}

/** `hostname`: `<host><absolute path>`. `role`: `<alias of a host><absolute path>`. `short`: the same, with `/opt/MagAOX` left out. */
export const IMPORT_LAYOUTS = ["hostname", "role", "short"] as const;
export type ImportLayoutName = (typeof IMPORT_LAYOUTS)[number];

const ARROW = " -> ";

/** Reads "/logs -> /opt/MagAOX/logs"; undefined when it is none. */
export function parseRewrite(text: string): Rewrite | undefined {
  const [from = "", to = "", ...more] = text.split(ARROW);
  const parsed = { from: absolutePath(from.trim()), to: absolutePath(to.trim()) };
  if (parsed.from.isErr() || parsed.to.isErr() || more.length > 0) return undefined;
  return { from: parsed.from.value, to: parsed.to.value };
}

/** A slash holds together what would be taken for an arrow, or for the space around it. */
const held = (path: string): string => (/(\s|->)$/.test(path) ? `${path}/` : path);

/** The text that `parseRewrite` reads back. */
export const formatRewrite = ({ from, to }: Rewrite): string => `${held(from)}${ARROW}${held(to)}`;

/** Each folder stands for one place. */
export const areDistinct = (texts: readonly string[]): boolean => {
  const froms = texts.map((text) => parseRewrite(text)?.from ?? text);
  return new Set(froms).size === froms.length;
};

/** The path with `from` in front of it taken for `to`; undefined when it does not lie there. */
export function rewritten(path: string, { from, to }: Rewrite): string | undefined {
  if (!isWithin(path, from)) return undefined;
  const rest = from === "/" ? path.replace(/^\/$/, "") : path.slice(from.length);
  return `${to === "/" ? "" : to}${rest}` || "/";
}
