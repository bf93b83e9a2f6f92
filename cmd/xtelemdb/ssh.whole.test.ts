/** A replica on another host works as one on this machine does: real ssh, real sshd, nothing of ours at the far end. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { SshServer, World, wholeTest } from "../../internal/testing/mod.ts";

/** A world whose only replica is reached through ssh, and lies in the folder `far`. */
async function sshWorld(): Promise<{ world: World; server: SshServer; url: string }> {
  const world = new World();
  const server = await SshServer.start(world.path("sshd"));
  mkdirSync(world.path("far"));
  const url = `ssh://127.0.0.1/${world.path("far")}/`;
  world.declare({ replicas: [url], replicaKeys: { [url]: { ssh_options: server.options() } } });
  return { world, server, url };
}

wholeTest("an ssh replica gets every file, and a second run copies nothing", ["sshd"], async () => {
  const { world, url } = await sshWorld();
  using _world = world;
  world.files({ path: "one", content: "1" }, { path: "deep/two", content: "22" }, { path: "empty", content: "" });
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(world.readyReason(url)).toBe("Converged");
  expect(Object.keys(world.copiedFiles("far")).toSorted()).toEqual(Object.keys(world.originFiles()).toSorted());
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
});
