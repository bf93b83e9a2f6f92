/**
 * Is a file finished? Nothing says so; the evidence is that it has been quiet for `settle`. A modification time in the future is no evidence (a
 * clock was wrong, or somebody set it): then the change time counts, which the kernel sets from its own clock and nobody can choose (inode(7)). If
 * that lies in the future too, the clock has been set back since; the file counts as settled, because waiting could last for ever and the copy
 * itself notices a source that changes.
 */
export interface SettleRule {
  /** Seconds since 1970, with a fraction. */
  readonly now: number;
  readonly settleSeconds: number;
}

/** `modified` and `changed`: mtime and ctime in seconds since 1970, with their fraction. */
export function isSettled(rule: SettleRule, modified: number, changed: number): boolean {
  const quietSince = modified <= rule.now ? modified : changed;
  if (quietSince > rule.now) return true;
  return rule.now - quietSince >= rule.settleSeconds;
}
