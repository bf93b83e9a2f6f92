/** Agents that meet: two of one inventory, two inventories at one replica; one is killed in the middle. And one that stands still again and again. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programPath, type Running, start } from "../program.ts";
import { SCRATCH_VARIABLE } from "../scratch.ts";
import { until } from "../until.ts";
import { HOST } from "../world.ts";
import { lawsBroken } from "./look.ts";
import { countBelow } from "./middle.ts";
import { notHealed, SmallWorld } from "./small-world.ts";
import type { WorldCase, WorldResult } from "./world-result.ts";

export const MEETINGS = ["same-inventory", "two-inventories", "stopped"] as const;
type Meeting = (typeof MEETINGS)[number];

export const MEETING_WORDS: Readonly<Record<Meeting, string>> = {
  "same-inventory": "two agents with one inventory, one killed",
  "two-inventories": "two agents with two inventories at one replica, one killed",
  stopped: "the agent stopped and continued (SIGSTOP, SIGCONT)",
};

const USUAL = { replicas: ["backup", "second"] };
const SLOW = { ...USUAL, replicaKeys: { backup: { bandwidth: "2 MB" } } };
const CLAIM = `.xtelemdb-writer-${HOST}.json`;
const STOPS = 6;
/** The exit code of a second agent (cmd/xtelemdb/exit-code.ts). */
const LOCKED = 4;

/** Another agent for the same host: with the same inventory, or with one of its own. */
function second(world: SmallWorld, meeting: Meeting): Running {
  const path = world.path("second.toml");
  const text = readFileSync(world.configuration, "utf8").replaceAll("/status.json", "/second.json");
  writeFileSync(path, meeting === "two-inventories" ? text.replaceAll("/state/inventory.db", "/other/inventory.db") : text);
  return start([programPath(), "sync", "--config", path], { environment: { [SCRATCH_VARIABLE]: world.folder } });
}

async function runMeeting(meeting: Meeting, after: number): Promise<WorldResult> {
  using world = new SmallWorld(USUAL);
  const places = Object.fromEntries(USUAL.replicas.map((name) => [world.path(name), world.path(name)]));
  world.before();
  // Two inventories begin at the same moment, at a replica that nobody has claimed.
  const isNew = meeting === "two-inventories" && after % 2 === 1;
  if (!isNew) {
    const first = await world.sync();
    if (first.code !== 0) throw new Error(`the world of agents cannot be made: ${first.stdout}${first.stderr}`);
    world.look(places);
  }
  world.after();
  world.declare(SLOW);
  const there = countBelow(world.path("backup"));
  const failures: string[] = [];
  const running = world.start("sync");
  const other = meeting === "stopped" ? undefined : second(world, meeting);
  let ended = false;
  void running.ended.then(() => {
    ended = true;
  });
  let stops = 0;
  let killed = false;
  if (meeting === "stopped") {
    for (; stops < STOPS && !ended; stops++) {
      await until("it goes on", () => ended || countBelow(world.path("backup")) >= there + after + stops * 3, 60_000);
      running.signal("SIGSTOP");
      await Bun.sleep(50);
      running.signal("SIGCONT");
    }
    const outcome = await running.ended;
    if (outcome.code !== 0)
      failures.push(`it ends with ${outcome.code}: ${outcome.stdout.slice(0, 300)}${outcome.stderr.slice(0, 300)}`);
  } else {
    await until("the middle of the run", () => ended || countBelow(world.path("backup")) >= there + after, 60_000);
    running.signal("SIGKILL");
    killed = (await running.ended).signal === "SIGKILL";
  }
  const met = await other?.ended;
  // Refused (locked, or another's replica), or first in the race.
  if (met !== undefined && ![0, 1, 3].includes(met.code ?? -1) && !(met.code === LOCKED && met.stderr.includes("is in use by")))
    failures.push(`the other ends with ${met.code}: ${met.stderr.slice(0, 300)}`);
  const looked = world.look(places);
  failures.push(...lawsBroken(looked));
  // What a person does when an inventory is gone for good.
  for (const root of Object.keys(places)) rmSync(join(root, CLAIM), { force: true });
  failures.push(...(await notHealed(world, places, looked, USUAL)));
  const { torn, lost, falseCurrent } = looked;
  return {
    name: `agent:${meeting}:${after}`,
    disturbed: meeting === "stopped" ? stops > 0 : killed,
    torn: torn.length,
    lost: lost.length,
    falseCurrent: falseCurrent.length,
    failures,
  };
}

export const agentCase = (meeting: Meeting, after: number): WorldCase => ({
  name: `agent:${meeting}:${after}`,
  run: () => runMeeting(meeting, after),
});
