/** Far ends where each call takes its time: long work is no hung worker, and what the file system there does not do is no failure. The server is the real one, slowed down by strace. */
import { expect } from "bun:test";
import { copyFileSync, mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { HOST, PATIENT, RunningAgent, until, World, wholeTest } from "../../internal/testing/mod.ts";

const SERVER = "/usr/lib/openssh/sftp-server";
/** Shorter than the comparison below takes, longer than any call of it. */
const STALL = { stall_timeout: "10s" };

/** A far end whose server strace treats so from the next run on. */
function farEnd(world: World, inject: string): void {
  const strace = inject === "" ? "" : `strace -f -qq -o /dev/null -e trace=${inject.split(":")[0]} -e inject=${inject} `;
  writeFileSync(world.path("ssh"), `#!/bin/sh\nexec ${strace}${SERVER}\n`, { mode: 0o755 });
  world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
}

const farUrl = (world: World): string => `ssh://far/${world.path("far")}/`;

function farWorld(): World {
  const world = new World();
  mkdirSync(world.path("far"));
  world.declare({ replicas: [farUrl(world)], top: STALL });
  return world;
}

wholeTest("a large file that is there already is compared for as long as that takes", ["strace", "sshd"], async () => {
  using world = farWorld();
  farEnd(world, "");
  world.files({ path: "small", content: "1" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  world.files({ path: "large", size: 16 << 20, seed: 1 });
  const there = `${world.path("far")}/${HOST}${world.data}/large`;
  copyFileSync(join(world.data, "large"), there);
  const { atime, mtime } = statSync(join(world.data, "large"));
  utimesSync(there, atime, mtime);
  farEnd(world, "lseek:delay_enter=150000");
  expect(await world.syncSummary()).toMatchObject({ code: 0, adopted: { files: 1 }, copied: { files: 0 } });
});

wholeTest("a far file system on which nobody may change modes takes copies all the same", ["strace", "sshd"], async () => {
  using world = farWorld();
  farEnd(world, "chmod,fchmod,fchmodat:error=EPERM");
  world.files({ path: "one", content: "1", mode: 0o644 });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  const copy = statSync(`${world.path("far")}/${HOST}${world.data}/one`);
  expect(Math.floor(copy.mtimeMs / 1000)).toBe(Math.floor(statSync(join(world.data, "one")).mtimeMs / 1000));
});

/** As many far ends as would take every thread of this machine, and a local replica. */
function crowdedDeclaration(): { readonly replicas: string[]; readonly far: string[] } {
  const far = Array.from({ length: Math.max(2, availableParallelism()) }, (_, index) => `ssh://far/far${index}/`);
  return { replicas: [...far, "backup"], far };
}

wholeTest("slow far ends take nothing from the disks of this machine, nor from what looks at them", ["sshd"], async () => {
  const { replicas, far } = crowdedDeclaration();
  const replicaKeys = Object.fromEntries(far.map((url) => [url, { bandwidth: "64 KiB" }]));
  await using agent = await RunningAgent.start({ scan: PATIENT, replicas, replicaKeys }, (world) => {
    far.forEach((_, index) => {
      mkdirSync(world.path(`far${index}`));
    });
    writeFileSync(world.path("ssh"), `#!/bin/sh\ncd ${world.folder} && exec ${SERVER}\n`, { mode: 0o755 });
    world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
  });
  const local = replicas.length - 1;
  agent.world.files({ path: "large", size: 24 << 20, seed: 1 });
  await until("the local replica has it", async () => (await agent.stateOf("large", local)) === "current");
  agent.world.files({ path: "later", content: "later" });
  await until("the local replica has what came meanwhile", async () => (await agent.stateOf("later", local)) === "current");
  for (const [index] of far.entries()) expect(await agent.stateOf("large", index)).toBe("missing");
});

wholeTest("far ends that say nothing hold up no first look at another replica", [], async () => {
  const { replicas } = crowdedDeclaration();
  await using agent = await RunningAgent.start({ scan: PATIENT, replicas }, (world) => {
    writeFileSync(world.path("ssh"), "#!/bin/sh\nexec sleep 1000\n", { mode: 0o755 });
    world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
    world.files({ path: "one", content: "1" });
  });
  await until("the local replica has it", async () => (await agent.stateOf("one", replicas.length - 1)) === "current");
});
