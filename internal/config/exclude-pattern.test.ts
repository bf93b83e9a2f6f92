import { expect, test } from "bun:test";
import { isClosed, isNegated } from "./exclude-pattern.ts";

test.each([
  ["!keep*", true],
  ["!!keep", true],
  ["/!keep", true],
  ["\\!keep", false],
  ["keep!", false],
  ["logs/!keep", false],
  ["[!a]*", false],
])("%p is negated: %p", (pattern, negated) => {
  expect(isNegated(pattern)).toBe(negated);
  // The glob engine does with it what is said: what it leaves out is what the pattern does not name.
  const name = pattern.replace(/^\//, "").replaceAll(/[!\\*]/g, "");
  if (negated && !pattern.startsWith("!!")) expect(new Bun.Glob(pattern.replace(/^\//, "")).match(name)).toBe(false);
});

test.each([
  ["*.tmp", true],
  ["[ab].log", true],
  ["[]a]", true],
  ["[!]a]", true],
  ["[\\]]", true],
  ["[{]", true],
  ["{a,b}", true],
  ["{a,{b,c}}", true],
  ["a]b}", true],
  ["\\[a", true],
  ["\\{a", true],
  ["[a", false],
  ["a[", false],
  ["[]", false],
  ["[!]", false],
  ["[a\\]", false],
  ["{a,b", false],
  ["{a,{b,c}", false],
  ["{[}],b", false],
  ["\\\\[a", false],
])("every bracket of %p is closed: %p", (pattern, closed) => {
  expect(isClosed(pattern)).toBe(closed);
});
