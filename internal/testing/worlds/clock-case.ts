/** The clock jumps while an agent runs: it goes on, a new file is copied soon, and no wait becomes years. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FAKETIME } from "../requirement.ts";
import { until } from "../until.ts";
import { lawsBroken } from "./look.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldCase, WorldResult } from "./world-result.ts";

const JUMPS = { "hour-on": "+1h", "hour-back": "-1h", "years-on": "+10y", "years-back": "-10y", "to-1970": "-56y" } as const;
type Jump = keyof typeof JUMPS;

export const JUMP_WORDS: readonly Jump[] = ["hour-on", "hour-back", "years-on", "years-back", "to-1970"];

const SOON_MILLISECONDS = 30_000;

async function runJump(jump: Jump): Promise<WorldResult> {
  const usual = { replicas: ["backup", "second"], scan: { interval: "1s", settle: "0s" } };
  using world = new SmallWorld(usual);
  const clock = world.path("clock");
  writeFileSync(clock, "+0");
  world.runWith({
    environment: {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  });
  const places = Object.fromEntries(usual.replicas.map((name) => [world.path(name), world.path(name)]));
  world.before();
  const running = world.start("sync", "continuous=true");
  const failures: string[] = [];
  const hasCopies = (path: string): boolean => usual.replicas.every((name) => existsSync(join(world.copies(name), path)));
  await until(
    "the first copies",
    () => hasCopies("d0/0") && world.statusFromFile()?.agent.phase === "waiting",
    SOON_MILLISECONDS,
  );
  for (const [round, step] of [JUMPS[jump], "+0"].entries()) {
    writeFileSync(clock, step);
    world.make([{ path: `d0/after-${round}`, size: 5000, seed: round }]);
    try {
      await until(`the file that came after ${step}`, () => hasCopies(`d0/after-${round}`), SOON_MILLISECONDS);
    } catch (error) {
      failures.push(String(error));
    }
  }
  running.signal("SIGTERM");
  const outcome = await running.ended;
  // libfaketime leaves its own behind.
  for (const name of ["faketime_shm_", "sem.faketime_sem_"]) rmSync(`/dev/shm/${name}${running.pid}`, { force: true });
  if (outcome.code !== 0) failures.push(`it ends with ${outcome.code}: ${outcome.stderr.slice(0, 300)}`);
  const looked = world.look(places);
  failures.push(...lawsBroken(looked));
  world.runWith({});
  failures.push(...(await notHealed(world, places, looked, usual)));
  const { torn, lost, falseCurrent } = looked;
  return {
    name: `clock:${jump}:0`,
    disturbed: true,
    torn: torn.length,
    lost: lost.length,
    falseCurrent: falseCurrent.length,
    failures,
  };
}

export const clockCase = (jump: Jump): WorldCase => ({ name: `clock:${jump}:0`, run: () => runJump(jump) });
