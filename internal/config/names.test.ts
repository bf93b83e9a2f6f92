import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { replicaKeys } from "./_for-tests.ts";
import { absolutePath, hostName, isWithin, replicaKey, replicaKeyFromArguments } from "./names.ts";

describe("host names", () => {
  test.each(["exao1", "aoc", "exao1.lco.cl", "Ä", "-x", "a b", "x".repeat(220)])("%p is one", (text) => {
    expect(hostName(text).isOk()).toBe(true);
  });

  test.each(["", ".", "..", "a/b", "a\0", "a\nb", "x".repeat(221), "é".repeat(128), ".xtelemdb-replica.json"])(
    "%p is refused",
    (text) => {
      expect(hostName(text).isErr()).toBe(true);
    },
  );
});

describe("paths", () => {
  test.each([
    ["/opt/MagAOX/logs", "/opt/MagAOX/logs"],
    ["/opt//MagAOX/logs///", "/opt/MagAOX/logs"],
    ["/", "/"],
    ["/a b/é", "/a b/é"],
    ["/a..b/.c/...", "/a..b/.c/..."],
  ])("%p is %p", (text, path) => {
    expect(String(absolutePath(text)._unsafeUnwrap())).toBe(path);
  });

  test.each(["", "opt", "./opt", "~/data", "/a/../b", "/a/.", "/a\0b", "/a\nb"])("%p is refused", (text) => {
    expect(absolutePath(text).isErr()).toBe(true);
  });

  test("a path lies in itself and in every folder above it, and in no namesake", () => {
    expect(isWithin("/a/b", "/a")).toBe(true);
    expect(isWithin("/a", "/a")).toBe(true);
    expect(isWithin("/a", "/")).toBe(true);
    expect(isWithin("/ab", "/a")).toBe(false);
    expect(isWithin("/a", "/a/b")).toBe(false);
  });
});

describe("replica keys", () => {
  test.each([
    ["/mnt/backup", "/mnt/backup", { kind: "local", root: "/mnt/backup" }],
    ["/mnt//backup/", "/mnt/backup", { kind: "local", root: "/mnt/backup" }],
    ["ssh://popeye/ceph/magao-x/", "ssh://popeye/ceph/magao-x/", { kind: "ssh", host: "popeye", path: "ceph/magao-x" }],
    ["ssh://popeye/ceph//magao-x", "ssh://popeye/ceph/magao-x/", { kind: "ssh", host: "popeye", path: "ceph/magao-x" }],
    ["ssh://popeye//ceph/x", "ssh://popeye//ceph/x/", { kind: "ssh", host: "popeye", path: "/ceph/x" }],
    ["ssh://me@popeye:2222/x", "ssh://me@popeye:2222/x/", { kind: "ssh", user: "me", host: "popeye", port: 2222, path: "x" }],
    ["ssh://popeye:0022/x", "ssh://popeye:22/x/", { kind: "ssh", host: "popeye", port: 22, path: "x" }],
    ["ssh://[fe80::1]:22/x", "ssh://[fe80::1]:22/x/", { kind: "ssh", host: "fe80::1", port: 22, path: "x" }],
    ["ssh://popeye/a b/$(x)", "ssh://popeye/a b/$(x)/", { kind: "ssh", host: "popeye", path: "a b/$(x)" }],
  ])("%p is the replica %p", (text, id, target) => {
    const key = replicaKey(text)._unsafeUnwrap();
    expect(String(key.id)).toBe(id);
    expect(key.target).toEqual(target as typeof key.target);
  });

  test.each([
    "",
    "/",
    "//",
    "mnt/backup",
    "/mnt/../etc",
    "popeye:ceph",
    "s3://bucket/x",
    "file:///mnt",
    "ssh://",
    "ssh://popeye",
    "ssh://popeye/",
    "ssh://popeye//",
    "ssh:///x",
    "ssh://-oProxyCommand=x/y",
    "ssh://-l@popeye/x",
    "ssh://@popeye/x",
    "ssh://a b/x",
    "ssh://a;b/x",
    "ssh://$(id)/x",
    "ssh://a`b`/x",
    "ssh://popeye:0/x",
    "ssh://popeye:65536/x",
    "ssh://popeye:/x",
    "ssh://popeye:ssh/x",
    "ssh://popeye/a/../b",
    "ssh://popeye/./a",
    "ssh://popeye/~/a",
    "ssh://popeye/a\nb",
    "ssh://me:secret@popeye/x",
  ])("%p is refused", (text) => {
    expect(replicaKey(text).isErr()).toBe(true);
  });

  test("the normalised key is its own normalised key", () => {
    fc.assert(
      fc.property(replicaKeys, (text) => {
        const { id, target } = replicaKey(text)._unsafeUnwrap();
        expect(replicaKey(id)._unsafeUnwrap()).toEqual({ id, target });
      }),
    );
  });

  test("no text makes the parser fail otherwise than with a refusal, and no accepted host or user can be an option of ssh", () => {
    const pieces = fc.constantFrom(
      "ssh://",
      "-",
      "@",
      ":",
      "/",
      "//",
      "a",
      "22",
      "[",
      "]",
      ".",
      "..",
      "~",
      "\n",
      "\0",
      "é",
      " ",
      "%",
    );
    fc.assert(
      fc.property(
        fc.array(pieces).map((parts) => parts.join("")),
        (text) => {
          replicaKey(text).map(({ target }) => {
            if (target.kind === "ssh") {
              expect(target.host).toMatch(/^[A-Za-z0-9_:.]/);
              expect(target.user ?? "a").toMatch(/^[A-Za-z0-9_]/);
            }
            return target;
          });
        },
      ),
    );
  });
});

describe("the key that add_replica writes", () => {
  test.each([
    [{ prefix: "/mnt/backup" }, "/mnt/backup"],
    [{ prefix: "/mnt/backup/" }, "/mnt/backup"],
    [{ prefix: "ceph/magao-x/", host: "popeye" }, "ssh://popeye/ceph/magao-x/"],
    [{ prefix: "/ceph/x", host: "popeye" }, "ssh://popeye//ceph/x"],
    [{ prefix: "x", host: "me@popeye:2222" }, "ssh://me@popeye:2222/x"],
    [{ prefix: "ssh://popeye/ceph/magao-x/" }, "ssh://popeye/ceph/magao-x/"],
  ])("from %p is %p", (given, key) => {
    expect(replicaKeyFromArguments(given)._unsafeUnwrap()).toBe(key);
  });

  test.each([
    { prefix: "mnt/backup" },
    { prefix: "" },
    { prefix: "", host: "popeye" },
    { prefix: "x", host: "" },
    { prefix: "x", host: "popeye/evil" },
    { prefix: "x", host: "-oProxyCommand=x" },
    { prefix: "ssh://popeye/x", host: "popeye" },
  ])("from %p is refused", (given) => {
    expect(replicaKeyFromArguments(given).isErr()).toBe(true);
  });
});
