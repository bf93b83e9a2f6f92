/** What a script can rely on. */
export const EXIT = {
  /** Everything declared is so; or the command did what it says. */
  converged: 0,
  /** It could not do its work. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** It ran to its end, and something declared is not so yet: `xtelemdb status` says what and why. */
  notConverged: 3,
  /** The inventory waits for a person: held by another process, damaged, or made by a newer release. A restart does not heal that; a full disk or one with errors is `failed`. */
  inventory: 4,
} as const;

export const EXIT_HELP = `Exit codes:
  0  converged: everything declared is so (or the command did what it says)
  1  failed: it could not do its work
  2  usage: the command line or the configuration is wrong
  3  not converged yet: something declared is not so; "xtelemdb status" says what and why
  4  the inventory waits for a person: held by another process, damaged, or newer than this program`;
