import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Scratch } from "../testing/mod.ts";
import { disksBelow } from "./_disks.ts";

function made(scratch: Scratch, files: Readonly<Record<string, string>>, ...names: readonly string[]): string {
  const path = scratch.path(...names);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(`${path}/${name}`), { recursive: true });
    writeFileSync(`${path}/${name}`, text);
  }
  return path;
}

const namesOf = (path: string): string[] =>
  disksBelow(path)
    .map(({ name }) => name)
    .toSorted();

test("partitions lie on their disk, mappings and arrays on all that are below them", () => {
  using scratch = new Scratch();
  // As /sys/devices has it on a machine with two partitioned disks, an array of two partitions, and an encrypted mapping of that.
  const disk = (name: string): string => made(scratch, { "device/model": "x\n", size: "8\n" }, name);
  const [sda] = [disk("sda"), disk("sdb")];
  const partition = (...names: readonly string[]): string => made(scratch, { partition: "1\n" }, ...names);
  const [sda1, sda2, sdb1] = [partition("sda", "sda1"), partition("sda", "sda2"), partition("sdb", "sdb1")];
  const [md0, dm0] = [made(scratch, { size: "8\n" }, "md0"), made(scratch, { size: "8\n" }, "dm-0")];
  for (const path of [sda, md0, dm0]) mkdirSync(`${path}/slaves`);
  symlinkSync(sda1, `${md0}/slaves/sda1`);
  symlinkSync(sdb1, `${md0}/slaves/sdb1`);
  symlinkSync(md0, `${dm0}/slaves/md0`);
  expect(disksBelow(sda)).toEqual([{ name: "sda", kind: "disk", bytes: 4096 }]);
  expect(namesOf(sda2)).toEqual(["sda"]);
  expect(namesOf(dm0)).toEqual(["sda", "sdb"]);
});

test("what is no disk of its own is told: memory, files, and what the kernel keeps to itself", () => {
  using scratch = new Scratch();
  const device = (name: string, files: Readonly<Record<string, string>> = {}) =>
    disksBelow(made(scratch, { size: "16\n", ...files }, name))[0];
  expect(device("zram0")).toMatchObject({ kind: "memory" });
  expect(device("ram3")).toMatchObject({ kind: "memory" });
  expect(device("nbd0")).toMatchObject({ kind: "unclear" });
  // A loop device that was set free.
  expect(device("loop1")).toMatchObject({ kind: "unclear" });
  const files = { "loop/backing_file": "/srv/an image (deleted)\n" };
  expect(device("loop2", files)).toEqual({ name: "loop2", kind: "file", file: "/srv/an image (deleted)", bytes: 8192 });
});
