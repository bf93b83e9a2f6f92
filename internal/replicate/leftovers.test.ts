import { expect, test } from "bun:test";
import { leftoverDirectory, leftoverFile } from "./leftovers.ts";

test("files that copying tools leave behind are known by their names", () => {
  for (const name of [
    ".image.xrif.Xa81Bc",
    ".image.xrif.abcdef",
    ".x.XXXXXX",
    ".xtelemdb-0123456789abcdef.part",
    ".xtelemdb-0123456789abcdef.partial",
    ".xtelemdb-0123456789abcdef-01234567.partial",
    "image.xrif.0a1b2c3d.partial",
    ".nfs000000000123abcd00000001",
    ".fuse_hidden0000012300000001",
    "x.filepart",
    "._image.xrif",
    ".DS_Store",
  ]) {
    expect({ name, leftover: leftoverFile(name) !== undefined }).toEqual({ name, leftover: true });
  }
});

test("files that merely look a little like it are data", () => {
  for (const name of [
    "image.xrif",
    ".bashrc",
    ".bashrc.backup",
    ".hidden.log",
    "a.b.Xa81Bc",
    "nfs",
    "x.partial",
    ".x.toolong1",
  ]) {
    expect({ name, leftover: leftoverFile(name) }).toEqual({ name, leftover: undefined });
  }
});

test("directories that tools leave behind are known by their names, whatever else an object knows", () => {
  for (const name of ["lost+found", ".~tmp~", ".rsync-partial", ".Trash-1000"]) expect(leftoverDirectory(name)).toBeString();
  for (const name of ["logs", "constructor", "toString", "__proto__"]) expect(leftoverDirectory(name)).toBeUndefined();
});
