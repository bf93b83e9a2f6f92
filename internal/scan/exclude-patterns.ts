/**
 * The operator's patterns of files and directories to leave out. A pattern without "/" is matched against a name at any depth; one with "/" against
 * the path below the data directory. Each pattern counts what it left out.
 */
export interface PatternCount {
  readonly pattern: string;
  readonly matches: number;
}

type Matches = (name: string, relativePath: () => string) => boolean;

const SPECIAL = /[*?[\]{}!\\]/;

/** The common shapes ("*.tmp", "core.*", "lost+found") without a glob engine: the scan asks for every file. */
function matcherOf(pattern: string): Matches {
  if (pattern.includes("/")) {
    const glob = new Bun.Glob(pattern.replace(/^\//, ""));
    return (_name, relativePath) => glob.match(relativePath());
  }
  if (!SPECIAL.test(pattern)) return (name) => name === pattern;
  const tail = pattern.slice(1);
  if (pattern.startsWith("*") && !SPECIAL.test(tail)) return (name) => name.endsWith(tail);
  const head = pattern.slice(0, -1);
  if (pattern.endsWith("*") && !SPECIAL.test(head)) return (name) => name.startsWith(head);
  const glob = new Bun.Glob(pattern);
  return (name) => glob.match(name);
}

export class ExcludePatterns {
  readonly #matchers: readonly Matches[];
  readonly #counts: number[];

  constructor(private readonly patterns: readonly string[]) {
    this.#matchers = patterns.map(matcherOf);
    this.#counts = patterns.map(() => 0);
  }

  /** Is the name left out? Counts the first pattern that says so. `relativePath` is only asked for by patterns that need it. */
  excludes(name: string, relativePath: () => string): boolean {
    for (let index = 0; index < this.#matchers.length; index++) {
      if (this.#matchers[index]?.(name, relativePath)) {
        this.#counts[index] = (this.#counts[index] ?? 0) + 1;
        return true;
      }
    }
    return false;
  }

  /** What was left out since the last call, and starts counting anew. */
  takeCounts(): PatternCount[] {
    const counts = this.patterns.map((pattern, index) => ({ pattern, matches: this.#counts[index] ?? 0 }));
    this.#counts.fill(0);
    return counts;
  }
}
