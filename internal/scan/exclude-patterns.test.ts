import { expect, test } from "bun:test";
import fc from "fast-check";
import { ExcludePatterns } from "./exclude-patterns.ts";

const excludes = (patterns: readonly string[], path: string): boolean =>
  new ExcludePatterns(patterns).excludes(path.split("/").at(-1) ?? "", () => path);

test.each([
  ["*.tmp", "a/b/c.tmp", true],
  ["*.tmp", "a/b/c.tmp.gz", false],
  ["core.*", "x/core.123", true],
  ["core.*", "x/score.1", false],
  ["lost+found", "lost+found", true],
  ["lost+found", "a/lost+found", true],
  ["lost+found", "lostfound", false],
  ["*", "anything", true],
  ["a?c", "x/abc", true],
  ["[ab].log", "b.log", true],
  ["{x,y}.log", "y.log", true],
  ["logs/*.old", "logs/a.old", true],
  ["logs/*.old", "x/logs/a.old", false],
  ["/logs/*.old", "logs/a.old", true],
  ["logs/**/*.old", "logs/a/b/c.old", true],
  ["*.a*b", "x.aXb", true],
])("%p leaves out %p: %p", (pattern, path, wanted) => {
  expect(excludes([pattern], path)).toBe(wanted);
});

const word = fc.stringMatching(/^[a-c.]{1,5}$/);

test("the short ways of common patterns say what the glob engine says", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        word,
        word.map((text) => `*${text}`),
        word.map((text) => `${text}*`),
      ),
      word,
      (pattern, name) => {
        // A glob's star leaves names alone that begin with a dot; an operator's pattern does not.
        fc.pre(!name.startsWith("."));
        expect(excludes([pattern], name)).toBe(new Bun.Glob(pattern).match(name));
      },
    ),
    { numRuns: 500 },
  );
});

test("the first pattern that matches is counted, and counting begins anew after each taking", () => {
  const patterns = new ExcludePatterns(["*.tmp", "a*", "idle"]);
  for (const name of ["a.tmp", "b.tmp", "ab", "z"]) patterns.excludes(name, () => name);
  expect(patterns.takeCounts()).toEqual([
    { pattern: "*.tmp", matches: 2 },
    { pattern: "a*", matches: 1 },
    { pattern: "idle", matches: 0 },
  ]);
  expect(patterns.takeCounts().map(({ matches }) => matches)).toEqual([0, 0, 0]);
});
