/** Why a copy that was found wrong was not made anew: whether its origin can give it, which other replicas were looked at, and what a person can do. */
import type { Attempt, FileOrigin, FileReplica, StoredCondition } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import { isoTime } from "./agent.ts";
import { blockedReplica } from "./explain-blocked.ts";
import { attemptTold } from "./failed-attempt.ts";
import { folderOf } from "./repair-sources.ts";
import type { FileReplicaExplanation } from "./reports.ts";

type Why = Pick<FileReplicaExplanation, "message" | "help" | "nextTry">;

/** What can be said of a copy that was found wrong, beside its origin. */
export interface WrongCopy {
  readonly origin: FileOrigin;
  readonly copy: FileReplica;
  readonly attempt: Attempt | undefined;
  /** Of the same file, at all replicas. */
  readonly copies: readonly FileReplica[];
  /** URLs of the declared replicas. */
  readonly declared: readonly string[];
  readonly conditions: readonly StoredCondition[];
}

const OTHER_VERSION =
  'compare the two; "xtelemdb restore" brings back the one there, and this one is left as it is, until a scan of the origin tells which is right';
const SUSPECT =
  'what cannot be read is made anew by the next "xtelemdb sync"; what somebody has changed is left alone until it is moved aside';

export const isWrong = ({ state }: FileReplica): boolean => state !== "current" && state !== "stale";

/** Only by contents that are known a copy can prove to be good again. */
export function howTakenBack({ url, state, digest }: FileReplica): string {
  if (digest === undefined || (state !== "suspect" && state !== "corrupt")) return "";
  return `if it is again what was recorded (put back, or the disk reads it again), "xtelemdb verify prefix=${printable(url)}" takes the verdict back; else `;
}

/** Of a file that its origin cannot give again. */
export function repairReason(wrong: WrongCopy): Why {
  const { origin, copy, attempt, copies, declared } = wrong;
  const { from, looked, toBringBack } = otherReplicas(wrong);
  const isSo = `the copy is ${copy.state}, and ${originReason(origin)}`;
  const later = copies.find(({ url, state }) => url !== copy.url && state === "current" && declared.includes(url));
  // Two backups that were there already: each is whole, and of its own version.
  if (origin.state === "imported" && from === undefined && later !== undefined)
    return { message: `${isSo}; the file is known as it is at ${printable(later.url)}`, help: OTHER_VERSION, nextTry: null };
  if (from === undefined)
    return {
      message: `${isSo}; no good copy can be had: ${looked}`,
      help: `${howTakenBack(copy)}${helpOf(origin, toBringBack)}`,
      nextTry: null,
    };
  if (attempt !== undefined) {
    return { ...attemptTold(attempt), nextTry: isoTime(attempt.nextAt) };
  }
  if (copy.state === "suspect")
    return { message: `${isSo}; ${printable(from)} has a good one`, help: `${howTakenBack(copy)}${SUSPECT}`, nextTry: null };
  const help = 'an agent that runs makes it anew by itself; else run "xtelemdb sync"';
  return { message: `${isSo}; it is made anew from ${printable(from)}, and waits for its turn`, help, nextTry: null };
}

/** What is to be added where the origin is there and has failed to give what the copy held; undefined where another replica was asked in its place. */
export function noOtherSource(wrong: WrongCopy): { readonly message: string; readonly help: string } | undefined {
  const { from, looked, toBringBack } = otherReplicas(wrong);
  if (from !== undefined) return undefined;
  const help = `${howTakenBack(wrong.copy)}${toBringBack.length === 0 ? "" : `${bringBack(toBringBack)}; else `}`;
  return { message: `; the copy is ${wrong.copy.state}, and no good one can be had: ${looked}`, help };
}

interface OtherReplicas {
  /** One that is there and has a good copy. */
  readonly from?: string;
  /** What was found at each. */
  readonly looked: string;
  /** Those that have a good copy, and are not there or not declared. */
  readonly toBringBack: readonly string[];
}

function otherReplicas({ origin, copy, copies, declared, conditions }: WrongCopy): OtherReplicas {
  const looked: string[] = [];
  const toBringBack: string[] = [];
  for (const url of new Set([...declared, ...copies.map((one) => one.url)])) {
    if (url === copy.url) continue;
    const other = copies.find((one) => one.url === url);
    const unfit = whyUnfit(origin, copy, other);
    const blocked = blockedReplica(url, conditions);
    if (unfit !== undefined) looked.push(`${printable(url)} has ${unfit}`);
    else if (declared.includes(url) && blocked === undefined) return { from: url, looked: "", toBringBack: [] };
    else {
      toBringBack.push(url);
      const away =
        blocked === undefined || !declared.includes(url) ? "is not declared any more" : `is not there (${blocked.reason})`;
      looked.push(`${printable(url)} has one, and ${away}`);
    }
  }
  return { looked: looked.join("; ") || "there is no other replica", toBringBack };
}

/** Why another copy, if there is one, is not what this one was; undefined where it is. */
function whyUnfit(
  { host, path, dataDirectory }: FileOrigin,
  copy: FileReplica,
  other: FileReplica | undefined,
): string | undefined {
  if (other === undefined) return "none";
  if (isWrong(other)) return `one that is ${other.state}, too`;
  if (copy.digest === undefined || other.digest === undefined)
    return "one of which nobody can say whether it is the same: not both were ever read";
  if (Buffer.compare(copy.digest.bytes, other.digest.bytes) !== 0) return "one with other contents";
  const directory = { host, path: path.slice(0, path.lastIndexOf("/")), dataDirectory };
  return folderOf(directory, other.place) === undefined ? "one in a folder from which no other copy is made" : undefined;
}

function originReason({ declared, state }: FileOrigin): string {
  if (state === "absent") return "its origin is gone";
  if (!declared) return "its host or data directory is not declared any more";
  return state === "excluded" ? "a pattern of [scan] exclude leaves its origin out" : "no scan has seen its origin";
}

const bringBack = (urls: readonly string[]): string =>
  `bring back ${urls.map(printable).join(" or ")} (mount it, or declare it again): an agent that runs then makes the copy anew by itself, else run "xtelemdb sync"`;

function helpOf({ declared, state }: FileOrigin, toBringBack: readonly string[]): string {
  if (toBringBack.length > 0) return bringBack(toBringBack);
  const origin =
    state === "absent"
      ? "put the file back at its origin"
      : !declared
        ? "declare its host and data directory again"
        : "let its origin be scanned";
  return `declare a replica that has a good copy, if there is any (an old backup: import_origins), or ${origin}; else accept that its contents are lost: what is there is left as it is, and is never taken for good`;
}
