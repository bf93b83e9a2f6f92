/**
 * The work items of continuous mode: how long a closed file waits for its durable copy, what an idle agent costs, and what thousands of files that cannot be copied do to
 * the others. The agent runs all the time and is asked through its inventory and /proc.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copiesOf, findFileOrigins, openInventoryForReading, type Session } from "../internal/inventory/mod.ts";
import { type Bench, median, PROGRAM, sampleOf } from "./bench-measure.ts";
import { count, makeSmallFiles } from "./bench-trees.ts";

/** A line of the log for each of a few hundred files would still be bounded; for each of thousands it is not. */
const MOST_LOG_LINES = 200;

/** Of a process, from /proc. */
class Watched {
  constructor(readonly pid: number) {}

  /** Seconds on a processor, of all its threads. */
  get processorSeconds(): number {
    const fields = this.#read("stat").slice(this.#read("stat").lastIndexOf(")")).split(" ");
    return (Number(fields[12]) + Number(fields[13])) / 100;
  }

  get peakBytes(): number {
    return Number(/VmHWM:\s+(\d+)/.exec(this.#read("status"))?.[1]) * 1024;
  }

  /** What it gave to write(2) and the like, and what went to a disk. */
  get writtenBytes(): number {
    return Number(/wchar: (\d+)/.exec(this.#read("io"))?.[1]);
  }

  #read(name: string): string {
    return readFileSync(`/proc/${this.pid}/${name}`, "utf8");
  }
}

async function until(what: string, met: () => boolean, seconds: number, pause = 2): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!met()) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await Bun.sleep(pause);
  }
}

interface Status {
  readonly converged: boolean;
  readonly agent: { readonly phase?: string };
  readonly replicas: readonly { readonly current: { readonly files: number } }[];
}

function statusOf(bench: Bench): Status | undefined {
  const path = bench.path("status.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

/** Runs the agent, waits until it has come to rest, measures, and ends it. */
async function withAgent(
  bench: Bench,
  patience: number,
  action: (agent: Watched, log: () => string) => Promise<void>,
): Promise<void> {
  const log = bench.path("log");
  rmSync(bench.path("status.json"), { force: true });
  const agent = Bun.spawn([PROGRAM, "sync", "continuous=true"], {
    stdout: Bun.file(log),
    stderr: Bun.file(log),
    env: { ...process.env, XTELEMDB_CONFIG: bench.path("xtelemdb.toml") },
  });
  try {
    await until("the agent has come to rest", () => statusOf(bench)?.agent.phase === "waiting", patience, 50);
    await action(new Watched(agent.pid), () => readFileSync(log, "utf8"));
  } finally {
    agent.kill("SIGTERM");
    if ((await agent.exited) !== 0) console.error(`the agent ended with ${agent.exitCode}\n${readFileSync(log, "utf8")}`);
  }
}

function isCurrent(session: Session, path: string): boolean {
  const [origin] = findFileOrigins(session, path);
  return origin !== undefined && copiesOf(session, origin.id).some(({ state }) => state === "current");
}

const FILES_OF_A_LAG = 40;

/** From close(2) until `arrived`, for one file after the other. */
async function lags(folder: string, kind: string, arrived: (path: string) => boolean): Promise<number[]> {
  const seconds: number[] = [];
  for (let index = 0; index < FILES_OF_A_LAG; index++) {
    const path = join(folder, `camera${index % 10}`, `night${index % 10}`, `${kind}_${index}.xrif`);
    writeFileSync(path, "x".repeat(4096));
    const closed = Bun.nanoseconds();
    await until(`${path} has arrived`, () => arrived(path), 60, 1);
    seconds.push((Bun.nanoseconds() - closed) / 1e9);
  }
  return seconds;
}

async function theirLags(tree: string, target: string): Promise<number[]> {
  const hasArrived = (path: string): boolean => existsSync(join(target, path.slice(tree.length)));
  // It tells nobody when its watches are set.
  for (let index = 0; !hasArrived(join(tree, "begun")); index++) {
    if (index > 300) throw new Error("lsyncd does nothing");
    writeFileSync(join(tree, "begun"), "x");
    await Bun.sleep(100);
  }
  return lags(tree, "peer", hasArrived);
}

async function lag(bench: Bench, scale: number): Promise<void> {
  const files = 100_000 * scale;
  const tree = bench.path("tree");
  const replica = bench.path("replica");
  const target = bench.path("target");
  makeSmallFiles(tree, files, Math.max(10, files / 500), () => 0);
  bench.forget();
  bench.declare(tree, [replica]);
  bench.must([PROGRAM, "sync"]);
  bench.declare(tree, [replica], 'settle = "10s"');
  mkdirSync(target);
  bench.must(["rsync", "-a", `${tree}/`, `${target}/`]);
  const lsyncd = bench.path("lsyncd.lua");
  // Its shortest delay; it does not flush.
  const sync = `sync { default.rsync, source = ${JSON.stringify(tree)}, target = ${JSON.stringify(target)}, delay = 1, init = false }`;
  writeFileSync(lsyncd, `settings { nodaemon = true, inotifyMode = "CloseWrite" }\n${sync}\n`);
  await withAgent(bench, 300, async (agent) => {
    const session = openInventoryForReading(bench.path("inventory.db"))._unsafeUnwrap();
    const own = await lags(tree, "own", (path) => isCurrent(session, path));
    session.close();
    const peer = Bun.spawn(["lsyncd", lsyncd], { stdout: "ignore", stderr: "ignore" });
    const theirs = await theirLags(tree, target).finally(() => peer.kill());
    await peer.exited;
    const others = [{ name: "lsyncd (not durable)", seconds: median(theirs), peakBytes: 0 }];
    bench.add(sampleOf(`closed file to durable row, among ${count(files)} files`, own, agent.peakBytes, others));
  });
  for (const path of [tree, replica, target]) rmSync(path, { recursive: true });
  bench.forget();
}

const IDLE_SECONDS = 60;

async function idle(bench: Bench, scale: number): Promise<void> {
  const files = 1_000_000 * scale;
  const tree = bench.path("tree");
  const replica = bench.path("replica");
  makeSmallFiles(tree, files, files / 500, () => 0);
  bench.forget();
  bench.declare(tree, [replica]);
  bench.must([PROGRAM, "sync"]);
  bench.declare(tree, [replica], 'settle = "10s"');
  await withAgent(bench, 300, async (agent) => {
    // What the scan at the start has left to do.
    await Bun.sleep(5_000);
    const database = statSync(bench.path("inventory.db-wal")).mtimeMs;
    const [processor, written] = [agent.processorSeconds, agent.writtenBytes];
    await Bun.sleep(IDLE_SECONDS * 1000);
    const seconds = agent.processorSeconds - processor;
    if (statSync(bench.path("inventory.db-wal")).mtimeMs !== database) throw new Error("an idle agent wrote to its inventory");
    const bytes = agent.writtenBytes - written;
    const work = `idle for ${IDLE_SECONDS} s with ${count(files)} files: processor time (${count(bytes)} bytes written: the status file)`;
    bench.add(sampleOf(work, [seconds], agent.peakBytes, []));
  });
  for (const path of [tree, replica]) rmSync(path, { recursive: true });
  bench.forget();
}

/** One of eleven files has somebody else's file in its way, for ever. */
async function failing(bench: Bench, scale: number): Promise<void> {
  const files = 110_000 * scale;
  const bad = files / 11;
  const tree = bench.path("tree");
  const replica = bench.path("replica");
  makeSmallFiles(tree, files, Math.max(10, files / 500), (index) => 1 + (index % 4000));
  const foreign = join(replica, "bench", tree);
  makeSmallFiles(join(foreign), bad, Math.max(10, files / 500), () => 0);
  bench.forget();
  bench.declare(tree, [replica]);
  const begun = Bun.nanoseconds();
  const good = files - bad;
  await withAgent(bench, 600, async (agent, log) => {
    await until(`${good} files are current`, () => statusOf(bench)?.replicas[0]?.current.files === good, 600, 20);
    const seconds = (Bun.nanoseconds() - begun) / 1e9;
    // Long enough for the failed ones to be tried again several times.
    const before = agent.processorSeconds;
    await Bun.sleep(IDLE_SECONDS * 1000);
    const retries = (agent.processorSeconds - before).toFixed(1);
    const lines = log().split("\n").length;
    if (lines > MOST_LOG_LINES) throw new Error(`${lines} lines in the log`);
    const work = `${count(good)} files beside ${count(bad)} that always fail (then ${retries} s of processor time in ${IDLE_SECONDS} s; ${lines} lines of log)`;
    bench.add(sampleOf(work, [seconds], agent.peakBytes, []));
  });
  for (const path of [tree, replica]) rmSync(path, { recursive: true });
  bench.forget();
}

export const AGENT_WORKS = { "agent-lag": lag, "agent-idle": idle, "agent-failing": failing };
