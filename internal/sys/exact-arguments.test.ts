import { expect, test } from "bun:test";
import fc from "fast-check";
import { exactArguments } from "./exact-arguments.ts";
import { textOfBytes } from "./name-bytes.ts";

const line = (...given: (string | Uint8Array)[]): Buffer =>
  Buffer.concat(given.flatMap((one) => [typeof one === "string" ? Buffer.from(one) : Buffer.from(one), Buffer.of(0)]));
const RAW = Buffer.from("n\xe9vada.log", "latin1");
const SEEN = new TextDecoder().decode(RAW);

/** What no argument can hold is a NUL. */
const argument = fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.filter((byte) => byte !== 0));
const loose = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

test("whatever bytes an argument has, they are kept where the runtime has lost any", () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 5 }), (given) => {
      const seen = given.map(loose);
      const expected = given.map((bytes) => (loose(bytes).includes("\ufffd") ? textOfBytes(bytes) : loose(bytes)));
      expect(exactArguments(seen, () => line("/usr/bin/xtelemdb", ...given))).toEqual(expected);
    }),
  );
});

test("nobody is asked where nothing was lost", () => {
  const seen = ["explain", "/data/névada.log"];
  const read = (): Uint8Array => {
    throw new Error("asked");
  };
  expect(exactArguments(seen, read)).toBe(seen);
});

test.each([
  ["there is no /proc", undefined],
  ["the kernel has fewer", line("explain")],
  ["it has others", line("xtelemdb", "explain", Buffer.from("m\xe9vada.log", "latin1"))],
  ["it has nothing", line()],
])("they stay as they were seen where %s", (_what, told) => {
  expect(exactArguments(["explain", SEEN], () => told)).toEqual(["explain", SEEN]);
});
