/** A far end stands still, is given up, and does in the middle of the next run what it was asked to do by the one before. */
import { existsSync, mkdirSync } from "node:fs";
import { SshServer } from "../ssh-server.ts";
import { until } from "../until.ts";
import { lawsBroken } from "./look.ts";
import { countBelow, disturbInTheMiddle } from "./middle.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldCase, WorldResult } from "./world-result.ts";

const hasEnded = (pid: number): boolean => !existsSync(`/proc/${pid}`);

async function runLate(after: number): Promise<WorldResult> {
  using world = new SmallWorld({ replicas: [] });
  const server = await SshServer.start(world.path("sshd"));
  const stopped: number[] = [];
  try {
    mkdirSync(world.path("far"));
    const far = `ssh://127.0.0.1/${world.path("far")}/`;
    const keys = { ssh_options: server.options() };
    const usual = { replicas: [far], replicaKeys: { [far]: keys } };
    world.declare(usual);
    const places = { [world.path("far")]: world.path("far") };
    world.before();
    const first = await world.sync();
    if (first.code !== 0) throw new Error(`the world of late far ends cannot be made: ${first.stdout}${first.stderr}`);
    world.look(places);
    world.after();
    const slow = { ...usual, replicaKeys: { [far]: { ...keys, bandwidth: "2 MB", timeout: "3s" } } };
    world.declare(slow);
    const there = countBelow(world.path("far"));
    const given = await disturbInTheMiddle(
      world.start("sync"),
      () => countBelow(world.path("far")) >= there + after,
      async () => {
        stopped.push(...server.servers());
        for (const pid of stopped) process.kill(pid, "SIGSTOP");
        return undefined;
      },
    );
    const failures: string[] = [];
    if (given.disturbed && given.outcome.code !== 3) failures.push(`the run that is held up ends with ${given.outcome.code}`);
    if (given.disturbed && world.readyReason(far) !== "NoProgress") failures.push(`the reason is ${world.readyReason(far)}`);
    failures.push(...lawsBroken(world.look(places)));
    // What changes meanwhile is copied by the next run under the same names.
    world.make([{ path: "d0/0", size: 300_000, seed: 77 }]);
    world.declare({ ...slow, replicaKeys: { [far]: { ...keys, bandwidth: "2 MB" } } });
    const before = countBelow(world.path("far"));
    const next = await disturbInTheMiddle(
      world.start("sync"),
      () => countBelow(world.path("far")) > before,
      async () => {
        for (const pid of stopped) process.kill(pid, "SIGCONT");
        await until("the late ones have done what they had to do", () => stopped.every(hasEnded), 20_000);
        failures.push(...lawsBroken(world.look(places)));
        return undefined;
      },
    );
    if (![0, 3].includes(next.outcome.code ?? -1)) failures.push(`the next run ends with ${next.outcome.code}`);
    for (const pid of stopped) if (!hasEnded(pid)) process.kill(pid, "SIGCONT");
    await until("the late ones have ended", () => stopped.every(hasEnded), 20_000);
    const looked = world.look(places);
    failures.push(...lawsBroken(looked), ...(await notHealed(world, places, looked, usual)));
    const { torn, lost, falseCurrent } = looked;
    return {
      name: `late:far-end:${after}`,
      disturbed: given.disturbed && next.disturbed,
      torn: torn.length,
      lost: lost.length,
      falseCurrent: falseCurrent.length,
      failures,
    };
  } finally {
    // A process that is stopped ends by nothing else.
    for (const pid of stopped) if (!hasEnded(pid)) process.kill(pid, "SIGKILL");
    server.stop();
  }
}

export const lateCase = (after: number): WorldCase => ({ name: `late:far-end:${after}`, run: () => runLate(after) });
