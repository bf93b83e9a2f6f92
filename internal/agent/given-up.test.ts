/**
 * Whoever was given up while a file of our own was written at a replica, and goes on when the replica lets go: another may write under the same temporary name by then, and
 * nothing of either may get the final name by the doing of the first.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfiguration } from "../config/mod.ts";
import { makeTree, Scratch } from "../testing/mod.ts";
import { isTemporaryName } from "../volume/mod.ts";
import type { AgentOptions } from "./agent.ts";
import { sync } from "./commands.ts";
import { Performer } from "./perform.ts";
import { InProcessHands } from "./simulation/in-process-hands.ts";
import type { Task } from "./worker-protocol.ts";

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const HALF = "half of what another writes";

/** A replica that a sync has filled, and the tasks that did it. */
class FilledReplica extends Scratch {
  readonly #tasks: Task[] = [];

  async fill(): Promise<void> {
    mkdirSync(this.path("backup"));
    makeTree(this.path("data"), [{ path: "a", content: "1" }]);
    const text = `hostname = "exao1"\ndatabase = "${this.path("inventory.db")}"\nstatus_file = "${this.path("status.json")}"
[scan]\nsettle = "0s"\n[hosts.exao1]\ndata_dirs = ["${this.path("data")}"]\n[replicas."${this.path("backup")}"]\n`;
    const environment = { hostname: "exao1", variables: {}, uid: 0, home: "/", exists: () => false };
    const state = parseConfiguration(text, "xtelemdb.toml", environment)._unsafeUnwrap();
    const inner = new InProcessHands(state.database);
    const run: InProcessHands["run"] = (task, handlers) => {
      this.#tasks.push(task);
      return inner.run(task, handlers);
    };
    const hands = { run, stop: () => inner.stop(), close: () => inner.close() };
    const { signal } = new AbortController();
    const options: AgentOptions = { command: "test", version: "0", signal, log: quiet, hands };
    expect((await sync(state, options))._unsafeUnwrap()).toMatchObject({ outcome: "converged" });
  }

  /** The last task of a kind is done once more; `isGivenUp` and `alive` as its worker has them. */
  async again(kind: Task["kind"], isGivenUp: () => boolean, alive: () => void): Promise<void> {
    const task = this.#tasks.findLast((one) => one.kind === kind);
    if (task === undefined) throw new Error(`the sync had no task ${kind}`);
    const watch = { isGivenUp, atSource: () => undefined };
    const performer = new Performer(this.path("inventory.db"), () => false, watch);
    const nothing = () => undefined;
    await performer.perform(task, { differences: nothing, found: nothing, progress: nothing, alive });
    performer.close();
  }

  contents(folder: string): Map<string, string> {
    const names = readdirSync(this.path(folder), { withFileTypes: true }).filter((entry) => entry.isFile());
    return new Map(names.map(({ name }) => [name, readFileSync(join(this.path(folder), name), "latin1")]));
  }
}

for (const [kind, folder] of [
  ["copy-inventory", "backup/.xtelemdb-inventory"],
  ["write-manifests", "backup/.xtelemdb-manifest/exao1"],
] as const) {
  test(`who is given up in ${kind} publishes nothing, and leaves the temporary file to who writes it now`, async () => {
    using replica = new FilledReplica();
    await replica.fill();
    const before = replica.contents(folder);
    expect(before.size).toBe(1);
    let temporary: string | undefined;
    await replica.again(
      kind,
      () => temporary !== undefined,
      () => {
        temporary ??= readdirSync(replica.path(folder)).find(isTemporaryName);
        if (temporary === undefined) return;
        rmSync(join(replica.path(folder), temporary));
        writeFileSync(join(replica.path(folder), temporary), HALF);
      },
    );
    if (temporary === undefined) throw new Error("nothing was written");
    expect(replica.contents(folder)).toEqual(new Map([...before, [temporary, HALF]]));
  });
}

test("who is given up while it raises the generation leaves it as it is", async () => {
  using replica = new FilledReplica();
  await replica.fill();
  const generation = [...replica.contents("backup")].find(([name]) => name.startsWith(".xtelemdb-generation-"));
  if (generation === undefined) throw new Error("the sync has raised none");
  await replica.again(
    "raise-generation",
    () => true,
    () => undefined,
  );
  expect(replica.contents("backup").get(generation[0])).toBe(generation[1]);
});

test("who is given up while it claims a replica does not claim it", async () => {
  using replica = new FilledReplica();
  await replica.fill();
  const claim = replica.path("backup/.xtelemdb-writer-exao1.json");
  expect(existsSync(claim)).toBe(true);
  rmSync(claim);
  await replica.again(
    "check-replica",
    () => true,
    () => undefined,
  );
  expect(existsSync(claim)).toBe(false);
});
