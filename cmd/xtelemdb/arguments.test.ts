import { expect, test } from "bun:test";
import fc from "fast-check";
import { type KnownCommand, normaliseArguments } from "./arguments.ts";

const COMMANDS: readonly KnownCommand[] = [
  { name: "add_replica", options: ["prefix", "host", "import-origins", "dry-run"], takesPositional: true },
  { name: "sync", options: ["continuous"], takesPositional: false },
  { name: "explain", options: [], takesPositional: true },
  { name: "config check", options: [], takesPositional: false },
];
const GLOBALS = ["config", "log-level", "log-format", "json"];

const normalise = (...given: string[]) => normaliseArguments(given, COMMANDS, GLOBALS);
const values = (...given: string[]) => {
  const result = normalise(...given);
  return result.kind === "arguments" ? result.values : result;
};

test.each([
  [
    ["add_replica", "prefix=/mnt/backup"],
    ["add_replica", "--prefix=/mnt/backup"],
  ],
  [
    ["add-replica", "--prefix", "/mnt/backup"],
    ["add_replica", "--prefix", "/mnt/backup"],
  ],
  [
    ["add_replica", "import_origins=true"],
    ["add_replica", "--import-origins=true"],
  ],
  [
    ["add_replica", "--import_origins=true"],
    ["add_replica", "--import-origins=true"],
  ],
  [
    ["add_replica", "prefix=a=b=c"],
    ["add_replica", "--prefix=a=b=c"],
  ],
  [
    ["add_replica", "/mnt/a=b"],
    ["add_replica", "/mnt/a=b"],
  ],
  [
    ["add_replica", "--", "prefix=x"],
    ["add_replica", "--", "prefix=x"],
  ],
  [
    ["config", "check", "json=true"],
    ["config", "check", "--json=true"],
  ],
  [
    ["--config", "sync", "sync", "continuous=true"],
    ["--config", "sync", "sync", "--continuous=true"],
  ],
  [
    ["config=/x.toml", "sync"],
    ["--config=/x.toml", "sync"],
  ],
  [
    ["explain", "night=3.log"],
    ["explain", "night=3.log"],
  ],
  [
    ["synk", "x=y"],
    ["synk", "x=y"],
  ],
])("%p becomes %p", (given, wanted) => {
  expect(values(...given)).toEqual(wanted);
});

test.each([
  [["sync", "contimuous=true"], "contimuous", "continuous"],
  [["sync", "colour=red"], "colour", undefined],
  [["add_replica", "prefx=/mnt"], "prefx", "prefix"],
  [["config", "check", "jsn=true"], "jsn", "json"],
])("%p has an unknown key", (given, key, meant) => {
  expect(normalise(...given)).toMatchObject({ kind: "unknown-key", key, meant });
});

test("the value of an option comes through as it is, whatever it holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      expect(values("add_replica", `prefix=${value}`)).toEqual(["add_replica", `--prefix=${value}`]);
      expect(values("add_replica", "--", value)).toEqual(["add_replica", "--", value]);
    }),
  );
});

test("nothing is lost or made up: there are as many arguments after as before", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom("sync", "--config", "--json", "a=b", "prefix=1", "config"))),
      (given) => {
        const result = normalise(...given);
        if (result.kind === "arguments") expect(result.values.length).toBeGreaterThanOrEqual(given.length);
      },
    ),
  );
});
