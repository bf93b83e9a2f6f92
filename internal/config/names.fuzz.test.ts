/** Paths, host names, ssh URLs and addresses, whatever is written: refused in a sentence, or understood in one way only. */
import { describe, expect } from "bun:test";
import fc from "fast-check";
import { fuzzTest, mutatedText } from "../testing/mod.ts";
import { formatRewrite, parseRewrite } from "./import-rules.ts";
import { formatListenAddress, parseListenAddress } from "./listen-address.ts";
import { absolutePath, hostName, replicaKey, replicaKeyFromArguments, sshHost } from "./names.ts";
import { suggest } from "./suggest.ts";
import { formatDuration, formatShare, parseDuration, parseShare, parseSize } from "./units.ts";

const CORPUS = [
  "ssh://popeye/ceph/magao-x/",
  "ssh://me@popeye:2222//ceph/magao-x",
  "ssh://[fe80::1]:22/x",
  "ssh://icc",
  "/opt/MagAOX/rawimages",
  "/mnt/backup/",
  "exao1",
  "127.0.0.1:9440",
  "[::1]:9440",
  "localhost:1",
  "unix:/run/xtelemdb/status.sock",
  "/logs -> /opt/MagAOX/logs",
  "1h30m",
  "1.5 GiB",
  "33.333333%",
];

const PIECES = [
  "ssh://",
  "://",
  "//",
  "/",
  "..",
  ".",
  "~",
  "@",
  ":",
  "[",
  "]",
  "-",
  "-oProxyCommand=x",
  "%",
  "%2f",
  " ",
  "\t",
  "\n",
  "\0",
  "\u001b[2J",
  "\u009b",
  "\u202e",
  "::",
  "0x16",
  "65536",
  "00022",
  " -> ",
  "unix:",
  ".xtelemdb",
  "é",
  "\u{10ff41}",
  "\ud83d\ude00",
  "x".repeat(300),
  "a/".repeat(2100),
  "9".repeat(30),
  "ms",
  "TiB",
];

const texts = fc.oneof(
  mutatedText(CORPUS, PIECES, 4),
  fc.array(fc.constantFrom(...PIECES, ...CORPUS), { maxLength: 6 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 40 }),
);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const CONTROL = /[\u0000-\u001f\u007f]/;
const names = (path: string): string[] => path.split("/").filter((name) => name !== "");
const isSafe = (path: string): boolean => !CONTROL.test(path) && !names(path).some((name) => name === "." || name === "..");

/** What becomes an argument of ssh. */
function expectHarmless({ host, user, port }: { readonly host: string; readonly user?: string; readonly port?: number }): void {
  expect(host).toMatch(/^([A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+)$/);
  if (user !== undefined) expect(user).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/);
  if (port !== undefined) expect(port).toBeWithin(1, 65_536);
}

describe("whatever is written", () => {
  fuzzTest(
    "a replica's key has one meaning, leads nowhere else, and is no option of ssh",
    fc.property(texts, (text) => {
      const key = replicaKey(text);
      if (key.isErr()) return expect(key.error).not.toBe("");
      const { id, target } = key.value;
      expect(replicaKey(id)._unsafeUnwrap()).toEqual(key.value);
      if (target.kind === "local") {
        expect(target.root).toMatch(/^\/[^/]/);
        return expect(isSafe(target.root)).toBe(true);
      }
      expectHarmless(target);
      expect(names(target.path).length).toBeGreaterThan(0);
      expect(target.path).not.toContain("//");
      expect(isSafe(target.path)).toBe(true);
    }),
  );

  fuzzTest(
    "a host's address is no option of ssh",
    fc.property(texts, (text) => {
      const parsed = sshHost(text);
      if (parsed.isOk()) expectHarmless(parsed.value);
    }),
  );

  fuzzTest(
    "what add_replica makes of its arguments is a key, and never on another host than was said",
    fc.property(texts, fc.option(texts, { nil: undefined }), (prefix, host) => {
      const key = replicaKeyFromArguments({ prefix, ...(host === undefined ? {} : { host }) });
      if (key.isErr()) return;
      const { target } = replicaKey(key.value)._unsafeUnwrap();
      if (host !== undefined) expect(target).toMatchObject({ kind: "ssh" });
      if (host !== undefined && target.kind === "ssh") {
        const written = `${target.user === undefined ? "" : `${target.user}@`}${target.host}${target.port === undefined ? "" : `:${target.port}`}`;
        expect(written).toBe(host.replaceAll(/[[\]]/g, "").replace(/:0+(\d+)$/, ":$1"));
      }
    }),
  );

  fuzzTest(
    "paths and host names that are taken lead nowhere else",
    fc.property(texts, (text) => {
      const path = absolutePath(text);
      if (path.isOk()) {
        expect(isSafe(path.value)).toBe(true);
        expect(absolutePath(path.value)._unsafeUnwrap()).toBe(path.value);
      }
      const host = hostName(text);
      if (host.isOk()) expect([...names(host.value)]).toEqual([text]);
      if (host.isOk()) expect(isSafe(host.value)).toBe(true);
    }),
  );

  fuzzTest(
    "addresses, rewrites, durations and shares are read as they are written",
    fc.property(texts, (text) => {
      const listen = parseListenAddress(text);
      if (listen.isOk()) expect(parseListenAddress(formatListenAddress(listen.value))._unsafeUnwrap()).toEqual(listen.value);
      const rewrite = parseRewrite(text);
      if (rewrite !== undefined) expect(parseRewrite(formatRewrite(rewrite))).toEqual(rewrite);
      const duration = parseDuration(text);
      if (duration !== undefined) expect(parseDuration(formatDuration(duration))).toBe(duration);
      const share = parseShare(text);
      if (share !== undefined) expect(parseShare(formatShare(share))).toBe(share);
      const size = parseSize(text);
      if (size !== undefined) expect(parseSize(`${size} B`)).toBe(size);
      expect(suggest(text, ["exclude", "data_dirs"])).toBeOneOf([undefined, "exclude", "data_dirs"]);
    }),
  );
});
