/**
 * An agent that runs on and on while files come and go, a disk is pulled and brought back, the configuration changes, it is stopped and goes on, and its endpoint is asked. Memory,
 * descriptors, threads, inventory and log must stay flat, and in the end everything is where it was declared to be.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chance } from "../chosen-cases.ts";
import type { FaultKind, FaultOptions, FaultRow } from "../fault-row.ts";
import { programPath } from "../program.ts";
import { SCRATCH_VARIABLE } from "../scratch.ts";
import { until } from "../until.ts";
import { mountImage } from "../volume.ts";
import { World } from "../world.ts";
import { Churn } from "./churn.ts";
import { judge } from "./judge.ts";
import { QUANTITIES, type Sample, sample, TOLERANCES } from "./samples.ts";
import { copiesAt, lookAtTheEnd, type TheEnd } from "./the-end.ts";

const MINUTES = 60;
const QUICK_MINUTES = 2;
const STEP_MILLISECONDS = 50;
const STEPS_AT_A_TIME = 3;
const DISTURBED_EVERY_MILLISECONDS = 4_000;
const SAMPLED_EVERY_MILLISECONDS = 1_000;
const CONVERGES_MILLISECONDS = 90_000;
const REPLICAS = ["backup", "removable", "far", "third"] as const;
const THE_END = "the end";
const THE_END_SHA256 = createHash("sha256").update(THE_END).digest("hex");

export interface EnduranceResult {
  readonly operations: number;
  readonly disturbances: number;
  readonly samples: readonly Sample[];
  readonly end: TheEnd;
  /** Of the run itself and of its end, in words. */
  readonly failures: readonly string[];
}

/** `minutes`: how long files come and go. */
export async function endure(minutes: number, seed: number, say: (line: string) => void): Promise<EnduranceResult> {
  using world = new World();
  const far = `ssh://far/${world.path("far")}/`;
  mkdirSync(world.path("far"));
  mkdirSync(world.path("third"));
  writeFileSync(world.path("ssh"), "#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n", { mode: 0o755 });
  const disk = mountImage(world.path("removable"), "ext4");
  const socket = world.path("s");
  const declare = (third: boolean): void =>
    world.declare({
      replicas: ["backup", "removable", far, ...(third ? ["third"] : [])],
      scan: { settle: "1s", interval: "20s", max_wait: "10s", max_loss: "100%" },
      verify: { every: "1m" },
      listen: `unix:${socket}`,
    });
  declare(false);
  const log = world.path("log");
  const child = Bun.spawn([programPath(), "sync", "continuous=true", "--config", world.configuration], {
    env: { PATH: process.env.PATH ?? "", HOME: world.folder, XTELEMDB_SSH: world.path("ssh"), [SCRATCH_VARIABLE]: world.folder },
    stdin: "ignore",
    stdout: openSync(log, "a"),
    stderr: openSync(log, "a"),
  });
  const failures: string[] = [];
  const samples: Sample[] = [];
  /** Copies that were there at some time: none may go. */
  const seen = new Set<string>();
  const churn = new Churn(world.data, seed);
  const next = chance(seed + 1);
  let disturbances = 0;
  let third = false;
  let isPulled = false;
  const ask = async (path: string): Promise<void> => {
    const response = await fetch(`http://x${path}`, { unix: socket }).catch(() => undefined);
    await response?.text();
  };
  const deeds: readonly (() => void | Promise<void>)[] = [
    () => {
      if (isPulled) disk.mount();
      else Bun.spawnSync(["umount", "-l", disk.path]);
      isPulled = !isPulled;
    },
    () => {
      third = !third;
      declare(third);
    },
    () => child.kill("SIGHUP"),
    async () => {
      child.kill("SIGSTOP");
      await Bun.sleep(100);
      child.kill("SIGCONT");
    },
    async () => {
      for (const path of ["/status", "/metrics", "/readyz", "/healthz"]) await ask(path);
    },
  ];
  const begun = performance.now();
  const ends = begun + minutes * 60_000;
  let disturbAt = begun + DISTURBED_EVERY_MILLISECONDS;
  let sampleAt = begun + SAMPLED_EVERY_MILLISECONDS;
  let lines = 0;
  for (let now = begun; now < ends && child.exitCode === null; now = performance.now()) {
    for (let step = 0; step < STEPS_AT_A_TIME; step++) churn.step();
    if (now >= disturbAt) {
      disturbAt = now + DISTURBED_EVERY_MILLISECONDS;
      disturbances += 1;
      // What lies below an empty mount point is no replica's.
      for (const replica of REPLICAS)
        if (!(replica === "removable" && isPulled)) for (const path of copiesAt(world.path(replica))) seen.add(path);
      await deeds[Math.floor(next() * deeds.length)]?.();
    }
    if (now >= sampleAt) {
      sampleAt = now + SAMPLED_EVERY_MILLISECONDS;
      const all = await linesOf(log);
      samples.push(sample(child.pid, world, all - lines));
      lines = all;
      if (samples.length % 60 === 0)
        say(`endurance: ${Math.round((now - begun) / 60_000)} of ${minutes} min: ${JSON.stringify(samples.at(-1))}`);
    }
    await Bun.sleep(STEP_MILLISECONDS);
  }
  if (child.exitCode !== null) failures.push(`it ended by itself with ${child.exitCode}`);
  if (isPulled) disk.mount();
  declare(true);
  // Written last: a status that says converged without it is of an earlier moment.
  world.files({ path: "the-end", content: THE_END });
  const converged = until(
    "everything is where it is declared to be",
    () =>
      REPLICAS.every((replica) => existsSync(join(world.copies(replica), "the-end"))) &&
      world.statusFromFile()?.converged === true &&
      world.statusFromFile()?.replicas.length === REPLICAS.length,
    CONVERGES_MILLISECONDS,
  );
  await converged.catch((error: unknown) => failures.push(`${error}: ${JSON.stringify(world.statusFromFile()?.conditions)}`));
  child.kill("SIGTERM");
  if ((await child.exited) !== 0) failures.push(`it ends with ${child.exitCode}`);
  world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
  const last = await world.sync();
  if (last.code !== 0) failures.push(`a last sync ends with ${last.code}: ${last.stdout}${last.stderr}`);
  const verified = await world.run("verify");
  if (verified.code !== 0) failures.push(`verify ends with ${verified.code}: ${verified.stdout.slice(0, 3000)}`);
  const end = lookAtTheEnd(world, REPLICAS, [...churn.versions, THE_END_SHA256], seen);
  return { operations: churn.operations, disturbances, samples, end, failures: [...failures, ...end.failures] };
}

async function linesOf(path: string): Promise<number> {
  let count = 0;
  for await (const chunk of createReadStream(path)) count += Buffer.from(chunk).toString("latin1").split("\n").length - 1;
  return count;
}

/** The row of a run, with what was not flat among its failures. */
export function enduranceRow(
  minutes: number,
  { operations, disturbances, samples, end, failures }: EnduranceResult,
  { say }: Pick<FaultOptions, "say">,
): FaultRow {
  const judged = QUANTITIES.map((quantity) => ({
    quantity,
    ...judge(
      samples.map((one) => one[quantity]),
      TOLERANCES[quantity],
    ),
  }));
  for (const { quantity, first, middle, last, isFlat } of judged)
    say(
      `endurance: ${quantity}: ${[first, middle, last].map((value) => value.toFixed(1)).join(" -> ")} (medians of the thirds)${isFlat ? "" : ": NOT FLAT"}`,
    );
  for (const failure of failures) say(`endurance: ${failure}`);
  return {
    fault: `${minutes} min of files that come and go, disks pulled, reloads, stops`,
    tried: operations,
    disturbed: disturbances,
    torn: end.torn,
    lost: end.lost,
    falseCurrent: end.falseCurrent,
    failed: failures.length + judged.filter(({ isFlat }) => !isFlat).length,
  };
}

/** An hour of it; `--minutes` for another time. */
export const enduranceKind: FaultKind = async (options) => {
  const minutes = options.minutes ?? (options.quick ? QUICK_MINUTES : MINUTES);
  return [enduranceRow(minutes, await endure(minutes, options.seed, options.say), options)];
};
