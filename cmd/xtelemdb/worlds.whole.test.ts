/** A sample of the worlds of scripts/faults. */
import { expect } from "bun:test";
import { wholeTest } from "../../internal/testing/mod.ts";
import { DISK_NEEDS, diskCaseOf, runDiskCase } from "../../internal/testing/worlds/mod.ts";

for (const name of ["disk:ext4:unmounted:5", "disk:tmpfs:full:5", "disk:vfat:died:5"]) {
  const given = diskCaseOf(name);
  if (given === undefined) throw new Error(`${name} is no case`);
  wholeTest(`a disk is ${given.deed} in the middle of a run (${given.kind})`, DISK_NEEDS[given.kind], async () => {
    const result = await runDiskCase(given);
    expect(result).toEqual({ name, disturbed: true, torn: 0, lost: 0, falseCurrent: 0, failures: [] });
  });
}
