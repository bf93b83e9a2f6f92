/** What the tests of this folder share: an inventory in memory's own folder, and short ways to fill it. */
import { type ResultAsync, safeTry } from "neverthrow";
import { Scratch } from "../testing/mod.ts";
import { type Declared, declare, declaredReplicas } from "./declare.ts";
import { commitFound, type FoundDirectory, type ImportChanges } from "./import-commit.ts";
import type { WritableInventory } from "./inventory.ts";
import type { DirectoryId, Evidence, FileOriginId } from "./model.ts";
import { openInventory } from "./open.ts";
import { beginScan, commitDifferences, type DirectoryDifference, type ScanReport } from "./scan-commit.ts";
import { endScan, type ScanEnd } from "./scan-end.ts";

export const HOLDER = { command: "test", pid: process.pid, hostname: "exao1", since: "2026-11-01T00:00:00.000Z" };

/** The value, or the failure of the test. */
export async function must<Value, Failure>(
  result: ResultAsync<Value, Failure> | PromiseLike<{ match: unknown }>,
): Promise<Value> {
  const settled = await (result as ResultAsync<Value, Failure>);
  if (settled.isErr()) throw new Error(JSON.stringify(settled.error));
  return settled.value;
}

export const openScratchInventory = (scratch: Scratch): Promise<WritableInventory> =>
  must(openInventory(scratch.path("inventory.db"), HOLDER));

/** Runs with an inventory in which a host `exao1` with `/data` and these replicas are declared. */
export async function withInventory(
  replicas: readonly string[],
  action: (inventory: WritableInventory, declared: Declared) => Promise<void>,
): Promise<void> {
  using scratch = new Scratch();
  const inventory = await openScratchInventory(scratch);
  try {
    await action(inventory, await declareData(inventory, replicas));
  } finally {
    inventory.close();
  }
}

let declarations = 0;

/** Another declaration each time: a new generation. */
export const declareData = (
  inventory: WritableInventory,
  replicas: readonly string[],
  dataDirectories: readonly string[] = ["/data"],
): Promise<Declared> => {
  declarations += 1;
  const hash = declarations.toString(16).padStart(12, "0");
  return must(declare(inventory, { hash, hosts: [{ name: "exao1", dataDirectories }], replicas }));
};

export const evidence = (size: number, mtimeSeconds = 1_000, mtimeNanoseconds = 5): Evidence => ({
  size,
  mtimeSeconds,
  mtimeNanoseconds,
});

export interface Seen {
  readonly name: string;
  readonly evidence: Evidence;
  readonly settled?: boolean;
}

/** The difference of one directory. */
export const differenceOf = (
  path: string,
  files: readonly Seen[],
  gone: Partial<Pick<DirectoryDifference, "vanished" | "excluded" | "vanishedDirectories" | "excludedDirectories">> = {},
): DirectoryDifference => ({
  path,
  names: files.map(({ name }) => name),
  numbers: Float64Array.from(
    files.flatMap(({ evidence: { size, mtimeSeconds, mtimeNanoseconds }, settled = true }) => [
      size,
      mtimeSeconds,
      mtimeNanoseconds,
      settled ? 1 : 0,
    ]),
  ),
  vanished: [],
  excluded: [],
  vanishedDirectories: [],
  excludedDirectories: [],
  ...gone,
});

/** What an import found in one directory of the host `exao1`. */
export const foundIn = (path: string, files: readonly Omit<Seen, "settled">[], place = ""): FoundDirectory => ({
  path,
  place,
  names: files.map(({ name }) => name),
  numbers: Float64Array.from(
    files.flatMap(({ evidence: { size, mtimeSeconds, mtimeNanoseconds } }) => [size, mtimeSeconds, mtimeNanoseconds, 7_000]),
  ),
});

/** Commits what was found at a replica, as one batch. */
export function imported(
  inventory: WritableInventory,
  url: string,
  ...directories: readonly FoundDirectory[]
): Promise<ImportChanges> {
  const replica = declaredReplicas(inventory).find((one) => one.url === url);
  if (replica === undefined) throw new Error(`no replica ${url}`);
  return must(commitFound(inventory, replica, { folder: "exao1", host: "exao1", directories }, 2_000));
}

export const REPORT: ScanReport = {
  files: 0,
  bytes: 0,
  directories: 0,
  symlinks: 0,
  special: 0,
  excluded: [],
  unreadable: 0,
  problems: [],
  durationMilliseconds: 0,
};

/** A whole scan of the first data directory that found these differences. */
export function scanned(
  inventory: WritableInventory,
  declared: Declared,
  differences: readonly DirectoryDifference[],
  settings: { readonly maxLoss?: number; readonly acceptLoss?: boolean; readonly at?: number; readonly seen?: number } = {},
): Promise<ScanEnd> {
  const [dataDirectory] = declared.dataDirectories;
  if (dataDirectory === undefined) throw new Error("no data directory is declared");
  const { maxLoss = 1, acceptLoss = false, at = 1_000, seen = 1 } = settings;
  return must(
    safeTry(async function* () {
      const knownBefore = yield* beginScan(inventory, dataDirectory);
      yield* commitDifferences(inventory, dataDirectory, differences, at, at);
      return endScan(inventory, dataDirectory, { ...REPORT, files: seen }, { startedAt: at, maxLoss, acceptLoss, knownBefore });
    }),
  );
}

/** The ids of a directory's files, by name. */
export const idsIn = (inventory: WritableInventory, path: string): Map<string, FileOriginId> =>
  new Map(
    inventory
      .all(
        inventory.kysely
          .selectFrom("file_origin as f")
          .innerJoin("directory as d", "d.id", "f.directory_id")
          .select(["f.id", "f.name"])
          .where("d.path", "=", path),
      )
      .map(({ id, name }) => [name, id]),
  );

export const directoryId = (inventory: WritableInventory, path: string): DirectoryId => {
  const row = inventory.first(inventory.kysely.selectFrom("directory").select("id").where("path", "=", path));
  if (row === undefined) throw new Error(`no directory ${path}`);
  return row.id;
};
