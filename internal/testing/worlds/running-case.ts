/** An agent keeps running while a disk is taken away, made read-only or filled, and while its origin's disk is gone: it recovers by itself, and takes nothing for deleted. */
import { until } from "../until.ts";
import { Disk } from "./disk.ts";
import { lawsBroken } from "./look.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldCase, WorldResult } from "./world-result.ts";

export const RUNNING_DEEDS = ["unmounted", "read-only", "full", "origin-unmounted"] as const;
type RunningDeed = (typeof RUNNING_DEEDS)[number];

const REASONS: Readonly<Record<Exclude<RunningDeed, "origin-unmounted">, readonly string[]>> = {
  unmounted: ["MarkerMissing"],
  "read-only": ["ReadOnly"],
  full: ["NoSpace", "FilesFailed"],
};
const LONG_MILLISECONDS = 60_000;

async function does(disk: Disk, deed: RunningDeed): Promise<() => void> {
  switch (deed) {
    case "read-only":
      await disk.makeReadOnly();
      return () => disk.makeWritable();
    case "full":
      disk.fill("bytes");
      return () => disk.empty();
    default:
      disk.hide();
      return () => disk.show();
  }
}

async function runRunning(deed: RunningDeed): Promise<WorldResult> {
  const usual = { replicas: ["backup", "second"], scan: { interval: "1s", settle: "0s" } };
  using world = new SmallWorld(usual);
  const atOrigin = deed === "origin-unmounted";
  const disk = await Disk.make(atOrigin ? world.data : world.path("backup"), "ext4");
  const backup = world.path("backup");
  const places = { [backup]: atOrigin ? backup : disk.hidden, [world.path("second")]: world.path("second") };
  world.before();
  const running = world.start("sync", "continuous=true");
  const isConverged = (): boolean => world.statusFromFile()?.converged === true;
  const failures: string[] = [];
  const wait = async (what: string, look: () => boolean): Promise<void> => {
    try {
      await until(what, look, LONG_MILLISECONDS);
    } catch (error) {
      failures.push(String(error));
    }
  };
  await wait("the first copies", isConverged);
  failures.push(...lawsBroken(world.look(places)));
  const undo = await does(disk, deed);
  if (atOrigin) {
    await wait("it says that the origin is not there", () =>
      (world.statusFromFile()?.hosts[0]?.dataDirectories[0]?.conditions ?? []).some(
        ({ type, status }) => type === "Scanned" && status === "False",
      ),
    );
  } else {
    world.make([{ path: "d1/new", size: 700_000, seed: 5 }]);
    await wait("the right reason", () => REASONS[deed].includes(world.readyReason("backup")));
    await wait("the other replica goes on", () => world.readyReason("second") === "Converged");
  }
  const looked = world.look(places);
  failures.push(...lawsBroken(looked));
  if (deed === "unmounted" && !disk.placeIsEmpty) failures.push("something was written where the disk is not mounted");
  undo();
  world.make([{ path: "d0/later", size: 8000, seed: 6 }]);
  await wait("it has recovered by itself", () => {
    const status = world.statusFromFile();
    return status?.converged === true && status.replicas.every(({ current }) => current.files >= (atOrigin ? 25 : 26));
  });
  running.signal("SIGTERM");
  const outcome = await running.ended;
  if (outcome.code !== 0) failures.push(`it ends with ${outcome.code}: ${outcome.stderr.slice(0, 300)}`);
  failures.push(...(await notHealed(world, places, world.look(places), usual)));
  const { torn, lost, falseCurrent } = looked;
  return {
    name: `running:${deed}:0`,
    disturbed: true,
    torn: torn.length,
    lost: lost.length,
    falseCurrent: falseCurrent.length,
    failures,
  };
}

export const runningCase = (deed: RunningDeed): WorldCase => ({ name: `running:${deed}:0`, run: () => runRunning(deed) });
