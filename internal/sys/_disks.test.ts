import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import { disksBelow } from "./_disks.ts";

test("partitions lie on their disk, mappings and arrays on all that are below them", () => {
  using scratch = new Scratch();
  // As /sys/devices has it on a machine with two partitioned disks, an array of two partitions, and an encrypted mapping of that.
  const device = (...names: readonly string[]): string => {
    const path = scratch.path(...names);
    mkdirSync(path, { recursive: true });
    if (names.length === 2) writeFileSync(`${path}/partition`, "1\n");
    else mkdirSync(`${path}/slaves`);
    return path;
  };
  const [sda, sda1, sda2, sdb1] = [device("sda"), device("sda", "sda1"), device("sda", "sda2"), device("sdb", "sdb1")];
  const [md0, dm0, loop0] = [device("md0"), device("dm-0"), device("loop0")];
  symlinkSync(sda1, `${md0}/slaves/sda1`);
  symlinkSync(sdb1, `${md0}/slaves/sdb1`);
  symlinkSync(md0, `${dm0}/slaves/md0`);
  expect(disksBelow(sda)).toEqual(["sda"]);
  expect(disksBelow(sda2)).toEqual(["sda"]);
  expect(disksBelow(loop0)).toEqual(["loop0"]);
  expect(disksBelow(dm0).toSorted()).toEqual(["sda", "sdb"]);
});
