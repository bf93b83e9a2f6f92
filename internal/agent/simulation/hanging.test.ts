/** Replicas that hang while something other than a copy is done at them: one thread at most waits, the operator knows, and it goes on when they let go. In simulated time. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfiguration } from "../../config/mod.ts";
import { Scratch, wholeTest } from "../../testing/mod.ts";
import { withAgent } from "../agent.ts";
import { reconcile } from "../reconcile.ts";
import type { Task } from "../worker-protocol.ts";
import { InProcessHands } from "./in-process-hands.ts";
import { SimulatedAgent } from "./simulated-agent.ts";
import { SimulatedClock } from "./simulated-clock.ts";

const EVENING = Date.parse("2026-11-01T22:00:00Z");
const MINUTE = 60_000;
const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A data directory and two disks. */
class Site {
  readonly clock = new SimulatedClock(EVENING);
  readonly agent: SimulatedAgent;

  constructor(readonly folder: string) {
    for (const name of ["data", "disk", "other"]) mkdirSync(this.path(name));
    this.declare("disk", "other");
    this.agent = new SimulatedAgent(this.path("xtelemdb.toml"), "exao1", this.clock, () => 0.5);
  }

  declare(...replicas: readonly string[]): void {
    const lines = [
      'hostname = "exao1"',
      `database = ${JSON.stringify(this.path("inventory.db"))}`,
      `status_file = ${JSON.stringify(this.path("status.json"))}`,
      "[scan]",
      "watch = false",
      'interval = "1m"',
      'settle = "1s"',
      "[hosts.exao1]",
      `data_dirs = [${JSON.stringify(this.path("data"))}]`,
      "[verify]",
      'every = "1h"',
      ...replicas.map((name) => `[replicas.${JSON.stringify(this.path(name))}]`),
    ];
    writeFileSync(this.path("xtelemdb.toml"), `${lines.join("\n")}\n`);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** A file that has been quiet since long ago. */
  write(name: string, content = name): void {
    writeFileSync(this.path(name), content);
    utimesSync(this.path(name), EVENING / 1000 - 3_600, EVENING / 1000 - 3_600);
  }

  /** Tasks of a kind, at the first disk. */
  isAtDisk(kind: "write-manifests" | "copy-inventory"): (task: Task) => boolean {
    return (task) => task.kind === kind && task.request.replica.address.name === this.path("disk");
  }

  readyReasons(): (string | undefined)[] {
    const replicas = this.agent.status()?.replicas.filter(({ declared }) => declared) ?? [];
    return replicas.map(({ conditions }) => conditions.find(({ type }) => type === "Ready")?.reason);
  }

  recordsAt(replica: string, folder: string): number {
    const path = this.path(`${replica}/${folder}`);
    return existsSync(path) ? readdirSync(path).length : 0;
  }
}

async function withSite(action: (site: Site) => Promise<void>): Promise<void> {
  using scratch = new Scratch();
  const site = new Site(scratch.folder);
  try {
    await action(site);
  } finally {
    if (site.agent.isRunning) await site.agent.kill();
  }
}

/** The tasks that hung. */
function hangCounted(site: Site, which: (task: Task) => boolean): { readonly letGo: () => void; readonly hung: () => number } {
  let hung = 0;
  const letGo = site.agent.hang((task) => {
    const hangs = which(task);
    if (hangs) hung += 1;
    return hangs;
  });
  return { letGo, hung: () => hung };
}

for (const [kind, folder] of [
  ["write-manifests", ".xtelemdb-manifest/exao1"],
  ["copy-inventory", ".xtelemdb-inventory"],
] as const) {
  wholeTest(`a replica that hangs in ${kind} is told as such, and nothing more is begun there until it lets go`, [], () =>
    withSite(async (site) => {
      const { agent } = site;
      site.write("data/a");
      const { letGo, hung } = hangCounted(site, site.isAtDisk(kind));
      await agent.start();
      await agent.pass(30 * MINUTE);
      expect(site.readyReasons()).toEqual(["WorkerStalled", "Converged"]);
      expect(hung()).toBe(1);
      expect(site.recordsAt("other", folder)).toBe(1);
      // Nor by who is declared in its place.
      site.declare("other");
      await agent.reload();
      await agent.pass(MINUTE);
      site.declare("disk", "other");
      await agent.reload();
      await agent.pass(30 * MINUTE);
      expect(hung()).toBe(1);
      letGo();
      await agent.pass(11 * MINUTE);
      expect(site.readyReasons()).toEqual(["Converged", "Converged"]);
      expect(site.recordsAt("disk", folder)).toBe(1);
    }),
  );

  wholeTest(`a sync in whose ${kind} a replica hangs ends, and that replica is not ready`, [], () =>
    withSite(async (site) => {
      site.write("data/a");
      const environment = { hostname: "exao1", variables: {}, uid: 0, home: "/", exists: () => false };
      const state = (await loadConfiguration(site.path("xtelemdb.toml"), environment))._unsafeUnwrap();
      const tried: Task["kind"][] = [];
      const hands = new InProcessHands(state.database, (task) => {
        if (!("request" in task && site.isAtDisk(kind)(task))) return undefined;
        tried.push(task.kind);
        return new Promise(() => undefined);
      });
      const signal = new AbortController().signal;
      const options = { command: "sync", version: "0", signal, log: SILENT, clock: site.clock, hands };
      const done = await withAgent(state, options, reconcile);
      expect(done._unsafeUnwrap()).toMatchObject({ outcome: "not-converged", copied: { files: 2 } });
      expect(tried).toEqual([kind]);
      expect(site.recordsAt("disk", ".xtelemdb-inventory")).toBe(0);
      expect(site.recordsAt("other", folder)).toBe(1);
    }),
  );
}

wholeTest(
  "a replica that hangs while its copy is read back, which was no good for another, is told as such and left alone",
  [],
  () =>
    withSite(async (site) => {
      const { agent } = site;
      const copyAt = (replica: string): string => `${replica}/exao1${site.path("data/a")}`;
      site.write("data/a", "good");
      for (let other = 0; other < 20; other++) site.write(`data/${other}`);
      await agent.start();
      await agent.pass(MINUTE);
      site.write(copyAt("disk"), "evil");
      rmSync(site.path("data/a"));
      const { letGo, hung } = hangCounted(site, (task) => {
        // Not before: its own round would have found it.
        if (task.kind === "copy" && task.group.directories.some((one) => one.fromCopy)) site.write(copyAt("other"), "evil");
        return task.kind === "verify" && !task.background;
      });
      await agent.pass(100 * MINUTE);
      expect(hung()).toBe(1);
      expect(site.readyReasons()[1]).toBe("WorkerStalled");
      letGo();
      await agent.pass(MINUTE);
      expect(site.readyReasons()[1]).not.toBe("WorkerStalled");
    }),
);

wholeTest("a replica that hangs while a copy there is made anew from another one is left alone until it lets go", [], () =>
  withSite(async (site) => {
    const { agent } = site;
    site.write("data/a", "good");
    await agent.start();
    await agent.pass(MINUTE);
    // Its size and time are the same: only who reads it knows, and what it must be is at the other disk alone.
    site.write(`disk/exao1${site.path("data/a")}`.replace("//", "/"), "evil");
    site.write("data/a", "lost");
    const { letGo, hung } = hangCounted(
      site,
      (task) => task.kind === "copy" && task.group.directories.some((one) => one.fromCopy),
    );
    await agent.pass(3 * 60 * MINUTE);
    expect(hung()).toBe(1);
    expect(site.readyReasons()).toEqual(["WorkerStalled", "Converged"]);
    letGo();
  }),
);
