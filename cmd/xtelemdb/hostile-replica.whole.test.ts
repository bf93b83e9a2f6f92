/**
 * What somebody else has put at a replica in the place of the program's own files: every command comes to its end in time and memory, says what is wrong, reads and writes nothing elsewhere, and the other
 * replica and the inventory have everything.
 */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { usualCases } from "../../internal/testing/chosen-cases.ts";
import { command, HOST, HostileReplicaWorld, inventoryIntegrity, MARKER, wholeTest } from "../../internal/testing/mod.ts";

const MOST_MEGABYTES = 400;
const MOST_MILLISECONDS = 60_000;
const HUGE_BYTES = 2 ** 42;

/** Puts something in the place of a file. */
const PLACED: Readonly<Record<string, (path: string, canary: string) => void>> = {
  "a pipe": (path) => void command("mkfifo", path),
  "a link to a file": (path, canary) => symlinkSync(join(canary, "file"), path),
  "a link to nowhere": (path, canary) => symlinkSync(join(canary, "new"), path),
  "a directory": (path) => void mkdirSync(path),
  "a hole of terabytes": (path) => {
    writeFileSync(path, "");
    truncateSync(path, HUGE_BYTES);
  },
  "a hole that says that it is a database": (path) => {
    const head = Buffer.alloc(512);
    head.write("SQLite format 3\0");
    // Pages of 64 KiB, and how many.
    head.writeUInt16BE(1, 16);
    head.writeUInt32BE(HUGE_BYTES / 2 ** 16, 28);
    writeFileSync(path, head);
    truncateSync(path, HUGE_BYTES);
  },
  "deep JSON": (path) => writeFileSync(path, "[".repeat(4_000)),
  "JSON of another kind": (path) => writeFileSync(path, JSON.stringify({ format: 1e308, uuid: [null], created: {} })),
};

/** The files, as they are after a sync; more than one is replaced by the same. */
const FILES: Readonly<Record<string, (world: HostileReplicaWorld) => readonly string[]>> = {
  "its marker": (world) => [join(world.hostile, MARKER)],
  "the claim of its writer": (world) => [join(world.hostile, `.xtelemdb-writer-${HOST}.json`)],
  "its generation": (world) => filesIn(world.hostile).filter((path) => path.includes(".xtelemdb-generation-")),
  "its manifests": (world) => filesIn(join(world.hostile, ".xtelemdb-manifest", HOST)),
  "its copy of the inventory": (world) => filesIn(join(world.hostile, ".xtelemdb-inventory")),
};

const filesIn = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name));

async function commandsDoNoHarm(world: HostileReplicaWorld): Promise<string> {
  const canary = world.tree("canary");
  let said = "";
  for (const words of [
    ["sync"],
    ["verify"],
    ["import_origins", `prefix=${world.hostile}`],
    ["safe", "copies=1"],
    ["restore", `to=${world.path("restored")}`, `from=${world.hostile}`],
    ["restore", `to=${world.path("again")}`],
    ["inventory", "rebuild", "dry_run=true"],
  ]) {
    const begun = performance.now();
    const outcome = await world.measured(...words);
    expect(outcome.code, `${words.join(" ")}: ${outcome.stdout}${outcome.stderr}`).toBeOneOf([0, 1, 3, 4]);
    expect(outcome.stderr).not.toContain("fault of xtelemdb itself");
    expect(outcome.megabytes).toBeLessThan(MOST_MEGABYTES);
    expect(performance.now() - begun).toBeLessThan(MOST_MILLISECONDS);
    said += outcome.stdout + outcome.stderr;
  }
  expect(world.tree("canary")).toEqual(canary);
  expect(said).not.toContain("nobody may read this");
  expect(world.copiedFiles("backup")).toEqual(world.originFiles());
  expect(inventoryIntegrity(world.database)).toBe("ok");
  expect((await world.run("inventory", "check")).code).toBe(0);
  return said;
}

/** All of them take minutes: `scripts/faults hostile` tries them. */
const PLACINGS = Object.entries(FILES).flatMap(([file, pathsOf]) =>
  Object.entries(PLACED).map(([what, place]) => ({ file, pathsOf, what, place })),
);

for (const { file, pathsOf, what, place } of usualCases(PLACINGS, 1)) {
  wholeTest(`${what} in the place of ${file} does no harm`, [], async () => {
    using world = await HostileReplicaWorld.begin();
    const paths = pathsOf(world);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      rmSync(path);
      place(path, world.path("canary"));
    }
    await commandsDoNoHarm(world);
    // Without an inventory there is only what stands there.
    for (const end of ["", "-wal", "-shm", ".lock"]) rmSync(world.database + end, { force: true });
    const rebuilt = await world.measured("inventory", "rebuild");
    expect(rebuilt.code, rebuilt.stdout + rebuilt.stderr).toBeOneOf([0, 3]);
    expect(rebuilt.megabytes).toBeLessThan(MOST_MEGABYTES);
    expect((await world.run("inventory", "check")).code).toBe(0);
  });
}

for (const folder of usualCases([".xtelemdb-manifest", ".xtelemdb-inventory", HOST], 1)) {
  wholeTest(`a link in the place of the folder ${folder} is not followed, to read or to write`, [], async () => {
    using world = await HostileReplicaWorld.begin();
    renameSync(join(world.hostile, folder), join(world.path("canary"), folder));
    symlinkSync(join(world.path("canary"), folder), join(world.hostile, folder));
    await commandsDoNoHarm(world);
  });
}
