/** A disk that is taken away while files are copied to it: what was finished there meanwhile is the program's own when it is back, whatever has become of its source. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command, mountImage, temporaryFiles, until, World, wholeTest } from "../../internal/testing/mod.ts";

const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

const MEBIBYTE = 1 << 20;
const LOSS_IS_FINE = { max_loss: "100%" };

/** Copies until the disk is unmounted in the middle of a file (`umount -l`: whoever has it open keeps it), to the end, and mounts it again. */
async function copyWhileTakenAway(world: World, disk: { mount(): void }): Promise<void> {
  world.declare({ scan: LOSS_IS_FINE, replicaKeys: { backup: { bandwidth: "6 MB" } } });
  const running = world.start("sync");
  await until("a file is on its way", () => temporaryFiles(world.path("backup")).length > 0);
  command("umount", "-l", world.path("backup"));
  const outcome = await running.ended;
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(world.readyReason()).toBe("MarkerMissing");
  disk.mount();
  world.declare({ scan: LOSS_IS_FINE });
}

wholeTest(
  "what was finished on a disk that is unmounted is recorded: its source may be lost or written anew",
  ["root", "loop"],
  async () => {
    using world = new World({ scan: LOSS_IS_FINE });
    const disk = mountImage(world.path("backup"), "ext4");
    world.files({ path: "lost", size: 3 * MEBIBYTE, seed: 1 }, { path: "rewritten", size: 3 * MEBIBYTE, seed: 2 });
    expect(await world.sync()).toMatchObject({ code: 0 });
    for (const name of ["lost", "rewritten"]) appendFileSync(join(world.data, name), Buffer.alloc(MEBIBYTE, 7));
    const last = sha256(join(world.data, "lost"));

    await copyWhileTakenAway(world, disk);
    expect(sha256(join(world.copies(), "lost"))).toBe(last);

    rmSync(join(world.data, "lost"));
    world.files({ path: "rewritten", size: 1000, seed: 3 });
    const healed = await world.sync();
    expect(healed.code, healed.stdout).toBe(0);
    expect(sha256(join(world.copies(), "rewritten"))).toBe(sha256(join(world.data, "rewritten")));
    const verified = await world.run("verify");
    expect(verified.code, verified.stdout).toBe(0);
    expect((await world.run("restore", `path=${join(world.data, "lost")}`)).code).toBe(0);
    expect(sha256(join(world.data, "lost"))).toBe(last);
  },
);

wholeTest("a clone that comes in the place of a disk that was taken away is not believed", ["root", "loop"], async () => {
  using world = new World({ scan: LOSS_IS_FINE });
  const disk = mountImage(world.path("backup"), "ext4");
  world.files({ path: "one", size: 3 * MEBIBYTE, seed: 1 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  disk.unmount();
  const image = `${world.path("backup")}.image`;
  command("cp", "--sparse=always", image, `${image}.clone`);
  disk.mount();
  world.files({ path: "two", size: 3 * MEBIBYTE, seed: 2 });

  await copyWhileTakenAway(world, { mount: () => command("mount", "-o", "loop", `${image}.clone`, world.path("backup")) });
  expect((await world.sync()).code).toBe(3);
  expect(world.readyReason()).toBe("ReplicaWentBack");
  disk.unmount();
  disk.mount();
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});
