import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatRewrite, parseRewrite, rewritten } from "./import-rules.ts";

const name = fc.stringMatching(/^[^/\p{Cc}>]{1,6}$/u).filter((text) => ![".", ".."].includes(text) && text.trim() === text);
const path = fc.array(name, { maxLength: 4 }).map((names) => `/${names.join("/")}`);

describe("a rewrite", () => {
  test("is read as it is written", () => {
    fc.assert(
      fc.property(path, path, (from, to) => {
        expect(parseRewrite(formatRewrite({ from, to }))).toEqual({ from, to });
      }),
    );
  });

  test.each(["/a /b ", "/a ->", "/a\u3000"])("is read as it is written where a name ends strangely: %p", (odd) => {
    for (const rewrite of [
      { from: odd, to: "/x" },
      { from: "/x", to: odd },
    ])
      expect(parseRewrite(formatRewrite(rewrite))).toEqual(rewrite);
  });

  test("takes what lies in its folder to the same place in another, and back", () => {
    fc.assert(
      fc.property(path, path, path, (from, to, rest) => {
        const below = (folder: string): string => `${folder === "/" ? "" : folder}${rest === "/" ? "" : rest}` || "/";
        expect(rewritten(below(from), { from, to })).toBe(below(to));
        expect(rewritten(below(to), { from: to, to: from })).toBe(below(from));
      }),
    );
  });

  test("leaves alone what only begins with the same letters", () => {
    expect(rewritten("/logs2/x", { from: "/logs", to: "/opt/logs" })).toBeUndefined();
    expect(rewritten("/logs", { from: "/logs", to: "/opt/logs" })).toBe("/opt/logs");
    expect(rewritten("/", { from: "/logs", to: "/opt/logs" })).toBeUndefined();
  });

  for (const text of ["", "/a", "/a ->", "/a -> b", "a -> /b", "/a -> /b -> /c", "/a/../b -> /c", "/a -> /../c", "/a => /b"]) {
    test(`${JSON.stringify(text)} is none`, () => {
      expect(parseRewrite(text)).toBeUndefined();
    });
  }
});
