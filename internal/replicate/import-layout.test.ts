import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Host } from "../config/mod.ts";
import { hostOf, type ImportLayout, layoutOf, leadsToOrigins, originPathOf } from "./import-layout.ts";

// The names of hosts are branded; these are all good ones.
const HOSTS = [
  { name: "exao1", aliases: ["aoc"] },
  { name: "exao2", aliases: ["rtc"] },
] as unknown as readonly Pick<Host, "name" | "aliases">[];

const layout = (importLayout: "hostname" | "role" | "short", importRewrites: ImportLayout["rewrites"] = []): ImportLayout =>
  layoutOf(HOSTS, { importLayout, importRewrites });

const name = fc.stringMatching(/^[a-z0-9_.-]{1,6}$/).filter((text) => ![".", ".."].includes(text));
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => `/${names.join("/")}`);

describe("the layout `hostname`", () => {
  const hostname = layout("hostname");

  test("takes every folder for a host, and every path as it is", () => {
    fc.assert(
      fc.property(name, path, (folder, below) => {
        const host = hostOf(hostname, folder);
        if (!folder.startsWith(".")) expect(host).toBe({ aoc: "exao1", rtc: "exao2" }[folder] ?? folder);
        // Forth to the replica, `<host><origin path>`, and back.
        expect(originPathOf(hostname, below)).toBe(below);
      }),
    );
  });

  test("takes no hidden folder and none of our own for a host", () => {
    for (const folder of [".hidden", ".xtelemdb-x", "", "..", "."]) expect(hostOf(hostname, folder)).toBeUndefined();
  });
});

describe("the layout `role`", () => {
  test("knows hosts by their names and aliases only", () => {
    const role = layout("role");
    expect(["exao1", "aoc", "rtc", "icc"].map((folder) => hostOf(role, folder))).toEqual(["exao1", "exao1", "exao2", undefined]);
    expect(originPathOf(role, "/opt/MagAOX/logs/x")).toBe("/opt/MagAOX/logs/x");
  });
});

describe("the layout `short`", () => {
  const short = layout("short");

  test("puts back what was dropped, and a path leads there from either spelling", () => {
    fc.assert(
      fc.property(fc.constantFrom("logs", "rawimages", "telem"), fc.option(path, { nil: "" }), (folder, below) => {
        const origin = `/opt/MagAOX/${folder}${below}`;
        expect(originPathOf(short, `/${folder}${below}`)).toBe(origin);
        expect(originPathOf(short, origin)).toBe(origin);
      }),
    );
  });

  test("has nothing else in it", () => {
    for (const outside of ["/", "/opt", "/cacao/x", "/logs2", "/opt/other"]) expect(originPathOf(short, outside)).toBeUndefined();
    // What leads to something is walked, though its own files are outside.
    expect(["/", "/opt", "/cacao", "/opt/other", "/logs/x"].map((one) => leadsToOrigins(short, one))).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
  });
});

describe("an operator's rules", () => {
  const rules = fc.uniqueArray(fc.record({ from: path, to: path }), { selector: ({ from }) => from, maxLength: 5 });

  test("go first, the longest of them, and only what no rule is for stays as it is", () => {
    fc.assert(
      fc.property(fc.constantFrom("hostname" as const, "role" as const, "short" as const), rules, path, (preset, own, below) => {
        const found = originPathOf(layout(preset, own), below);
        const best = own
          .filter(({ from }) => below === from || below.startsWith(`${from}/`))
          .toSorted((a, b) => b.from.length - a.from.length)[0];
        if (best !== undefined) expect(found).toBe(`${best.to}${below.slice(best.from.length)}`);
        else if (preset !== "short") expect(found).toBe(below);
      }),
    );
  });

  test("lead down to each place that has an origin", () => {
    fc.assert(
      fc.property(rules, path, (own, below) => {
        const mapped = layout("short", own);
        if (originPathOf(mapped, below) === undefined) return;
        const names = below.split("/").slice(1);
        for (let length = 0; length <= names.length; length++) {
          expect(leadsToOrigins(mapped, `/${names.slice(0, length).join("/")}`)).toBe(true);
        }
      }),
    );
  });

  test("never lead out of the host's tree", () => {
    fc.assert(
      fc.property(rules, path, (own, below) => {
        const found = originPathOf(layout("hostname", own), below);
        expect(found).toStartWith("/");
        expect(found?.split("/").slice(1)).not.toContain("..");
      }),
    );
  });
});
