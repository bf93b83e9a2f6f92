import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { wanted } from "./_for-tests.ts";
import { formatListenAddress, isLocalAddress, parseListenAddress } from "./listen-address.ts";

describe("where the status endpoint listens", () => {
  test.each([
    ["127.0.0.1:9440", { kind: "tcp", host: "127.0.0.1", port: 9440 }, true],
    ["127.9.9.9:1", { kind: "tcp", host: "127.9.9.9", port: 1 }, true],
    ["[::1]:9440", { kind: "tcp", host: "::1", port: 9440 }, true],
    ["[0:0:0:0:0:0:0:1]:65535", { kind: "tcp", host: "::1", port: 65_535 }, true],
    ["localhost:9440", { kind: "tcp", host: "localhost", port: 9440 }, true],
    ["unix:/run/xtelemdb//status.sock", { kind: "unix", path: "/run/xtelemdb/status.sock" }, true],
    ["0.0.0.0:9440", { kind: "tcp", host: "0.0.0.0", port: 9440 }, false],
    ["[::]:9440", { kind: "tcp", host: "::", port: 9440 }, false],
    ["[::ffff:127.0.0.1]:9440", { kind: "tcp", host: "::ffff:7f00:1", port: 9440 }, false],
    ["exao1.example.org:9440", { kind: "tcp", host: "exao1.example.org", port: 9440 }, false],
    ["127.evil.example:9440", { kind: "tcp", host: "127.evil.example", port: 9440 }, false],
    ["10.0.0.1:9440", { kind: "tcp", host: "10.0.0.1", port: 9440 }, false],
  ] as const)("%p is read as %p; for this machine only: %p", (text, address, local) => {
    const parsed = wanted(parseListenAddress(text));
    expect<unknown>(parsed).toEqual(address);
    expect(isLocalAddress(parsed)).toBe(local);
    expect(wanted(parseListenAddress(formatListenAddress(parsed)))).toEqual(parsed);
  });

  test.each([
    ["", "neither"],
    ["9440", "neither"],
    [":9440", "neither an IPv4 address nor a name"],
    ["*:9440", "neither an IPv4 address nor a name"],
    ["127.1:9440", "neither an IPv4 address nor a name"],
    ["256.0.0.1:9440", "neither an IPv4 address nor a name"],
    ["::1:9440", "neither"],
    ["[::1]", "neither"],
    ["[127.0.0.1]:9440", "no IPv6 address"],
    ["127.0.0.1:0", "names the port 0"],
    ["127.0.0.1:65536", "names the port 65536"],
    ["127.0.0.1:94 40", "neither"],
    ["http://127.0.0.1:9440", "neither"],
    ["unix:status.sock", "not an absolute path"],
    ["unix:/run/xtelemdb/", "that of a folder"],
    ["unix:/", "that of a folder"],
    ["unix:/run/../x", 'must not hold "." or ".."'],
    ["unix:/a\nb", "control characters"],
    [`unix:/${"é".repeat(54)}`, "longer than 107 bytes"],
  ])("%p is refused: %s", (text, why) => {
    expect(parseListenAddress(text).match(String, (reason) => reason)).toContain(why);
  });

  test("what is written is read back", () => {
    const addresses = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map(([host, port]) => `${host}:${port}`),
      fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 65_535 })).map(([host, port]) => `[${host}]:${port}`),
      fc.stringMatching(/^[a-z/é ]{0,40}[a-z]$/).map((path) => `unix:/${path}`),
    );
    fc.assert(
      fc.property(addresses, (text) => {
        const parsed = wanted(parseListenAddress(text));
        expect(wanted(parseListenAddress(formatListenAddress(parsed)))).toEqual(parsed);
      }),
    );
  });
});
