/**
 * Is a file finished? Nothing says so; this is the evidence, and the state machine of a file origin that is there:
 *
 *     (unseen) --> growing : it was modified less than `settle` ago, or somebody has it open for writing
 *     (unseen) --> settled : quiet for `settle`; or it was never copied, and the kernel vouches that it is closed
 *     growing  --> settled : the same
 *     growing  --> growing : looked at again; after `max_wait` what there is of it is copied, and the copy is stale
 *     settled  --> growing : other evidence, and not quiet; or the copy finds it open for writing
 *     settled  --> settled : nothing new; or other evidence, and quiet again
 *
 * Every state has an exit: what nobody touches and nobody holds open is settled at the latest `settle` after its last change, and what is held open for
 * ever is copied every `max_wait`. A file that was copied before and changes again must have been quiet: or a log that is opened, written and closed every
 * second would be copied every second, whole; so must one that was caught being written to when it was copied.
 *
 * A modification time in the future is no evidence (a clock was wrong, or somebody set it): then the change time counts, which the kernel sets from its
 * own clock and nobody can choose (inode(7)). If that lies in the future too, the clock has been set back since; the file counts as quiet, because waiting
 * could last for ever and the copy itself notices a source that changes. Over ssh there is no change time, and the clock that a time is of is not ours: a file from the
 * future is quiet there when we have seen it unchanged for `settle`.
 */
import type { OriginState } from "../inventory/mod.ts";
import type { Writers } from "../sys/mod.ts";

/** The question was asked a moment ago: what was modified since is no file from the future. */
const ASKED_SECONDS_AGO = 5;

export interface SettleRule {
  /** Seconds since 1970, with a fraction. */
  readonly now: number;
  readonly settleSeconds: number;
  /** The wall clock was set at this moment (seconds since 1970, in the new time): no file counts as quiet since before. Left out: it was not. */
  readonly notBefore?: number;
  /** Times are of another machine's clock, and the change time is not known. */
  readonly farClock?: true;
}

/**
 * Has it been quiet for `settle`? `modified` and `changed`: mtime and ctime in seconds since 1970, with their fraction. `seenSince`: since when the inventory has it as
 * it is, by our own clock; asked only where nothing else tells.
 */
export function isQuiet(
  rule: SettleRule,
  modified: number,
  changed: number,
  seenSince: () => number | undefined = () => undefined,
): boolean {
  const { now, settleSeconds, notBefore = Number.NEGATIVE_INFINITY, farClock } = rule;
  if (now - notBefore < settleSeconds) return false;
  if (farClock === true && modified > now && settleSeconds > 0) {
    const since = seenSince();
    return since !== undefined && (since > now || now - since >= settleSeconds);
  }
  const quietSince = modified <= now ? modified : changed;
  return quietSince > now + ASKED_SECONDS_AGO || settleSeconds === 0 || now - quietSince >= settleSeconds;
}

export interface Sighting {
  readonly modified: number;
  readonly changed: number;
  /** Who has it open for writing, as far as the kernel can tell. */
  readonly writers: Writers;
  /** Is there a copy of it anywhere, however old; or was it caught being written to when one was made? */
  readonly wasTried: boolean;
  /** Its file system keeps whole seconds only, as far as can be seen: what is written within the same one leaves no sign. */
  readonly coarse: boolean;
  /** As for `isQuiet`. */
  readonly seenSince?: () => number | undefined;
}

/** FAT keeps steps of so many seconds; others that are as coarse keep one. */
const COARSE_STEP_SECONDS = 2;

/** The state of a file that was looked at by itself, while the agent watches. */
export function stateOf(
  rule: SettleRule,
  { modified, changed, writers, wasTried, coarse, seenSince }: Sighting,
): OriginState & ("growing" | "settled") {
  if (writers === "some") return "growing";
  if (isQuiet(rule, modified, changed, seenSince)) return "settled";
  // As git does with an entry that is as young as its index ("racy git"): the next look will be of another second.
  if (coarse && rule.now - Math.max(modified, changed) < COARSE_STEP_SECONDS) return "growing";
  return writers === "none" && !wasTried ? "settled" : "growing";
}
