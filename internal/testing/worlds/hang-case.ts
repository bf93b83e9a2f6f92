/** A replica, or the data directory, hangs in the middle of a run, as the hard mount of a dead server does; beside it a local replica that must not suffer. */
import { mountHanging } from "../fuse-volume.ts";
import { until } from "../until.ts";
import type { Declaration } from "../world.ts";
import { lawsBroken } from "./look.ts";
import { countBelow, disturbInTheMiddle } from "./middle.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldCase, WorldResult } from "./world-result.ts";

export const HANGS = ["replica", "origin"] as const;
type Hang = (typeof HANGS)[number];

export const HANG_WORDS: Readonly<Record<Hang, string>> = {
  replica: "a replica hangs",
  origin: "a data directory hangs",
};

const USUAL: Declaration = { replicas: ["backup", "second"], top: { stall_timeout: "10s" } };

/** Who is blamed, and who is not. */
function misjudged(world: SmallWorld, hang: Hang): string[] {
  const failures: string[] = [];
  const scanned = world.statusFromFile()?.hosts[0]?.dataDirectories[0]?.conditions.find(({ type }) => type === "Scanned");
  const [backup, second] = ["backup", "second"].map((name) => world.readyReason(name));
  if (hang === "replica") {
    if (backup !== "WorkerStalled") failures.push(`the replica that hangs is ${backup}`);
    if (second !== "Converged") failures.push(`the other replica is ${second}`);
    return failures;
  }
  if (scanned?.reason !== "WorkerStalled") failures.push(`the data directory that hangs is ${scanned?.reason}`);
  for (const reason of [backup, second]) if (reason === "WorkerStalled") failures.push("a replica is blamed for its source");
  return failures;
}

async function runHang(hang: Hang, after: number): Promise<WorldResult> {
  using world = new SmallWorld(USUAL);
  const behind = world.path("behind");
  await using volume = await mountHanging(behind, hang === "origin" ? world.data : world.path("backup"));
  // Before anything is ended or removed: who waits for such a volume cannot be.
  using _letGo = { [Symbol.dispose]: () => volume.letGo() };
  const backup = hang === "replica" ? behind : world.path("backup");
  const places = { [world.path("backup")]: backup, [world.path("second")]: world.path("second") };
  world.before();
  const first = await world.sync();
  if (first.code !== 0) throw new Error(`the world of hangs cannot be made: ${first.stdout}${first.stderr}`);
  world.look(places);
  world.after();
  world.declare({ ...USUAL, replicaKeys: { backup: { bandwidth: "2 MB" } } });
  const there = countBelow(backup);
  const failures: string[] = [];
  const { disturbed, outcome } = await disturbInTheMiddle(
    world.start("sync"),
    () => countBelow(backup) >= there + after,
    async () => {
      volume.hang();
      return async () => {
        // What a thread has asked of FUSE it waits for, whatever signal comes: the process is gone when the volume lets go.
        await until("the run has said what it has to say", () => world.statusFromFile()?.agent.state === "idle", 60_000);
        failures.push(...misjudged(world, hang), ...lawsBroken(world.look(places)));
        volume.letGo();
      };
    },
  );
  if (disturbed && outcome.code !== 3) failures.push(`it ends with ${outcome.code}`);
  const looked = world.look(places);
  failures.push(...lawsBroken(looked));
  failures.push(...(await notHealed(world, places, looked, USUAL)));
  const { torn, lost, falseCurrent } = looked;
  return {
    name: `hang:${hang}:${after}`,
    disturbed,
    torn: torn.length,
    lost: lost.length,
    falseCurrent: falseCurrent.length,
    failures,
  };
}

export const hangCase = (hang: Hang, after: number): WorldCase => ({
  name: `hang:${hang}:${after}`,
  run: () => runHang(hang, after),
});
