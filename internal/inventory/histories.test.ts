/** Random histories: whatever happens in whatever order, the tallies equal the rows, and the diff is exactly what is lacking. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { declareData, differenceOf, evidence, foundIn, idsIn, imported, must, scanned, withInventory } from "./_for-tests.ts";
import { checkInventory } from "./check.ts";
import { type Declared, declaredReplicas } from "./declare.ts";
import { recordEvidence } from "./evidence.ts";
import { nextCopies } from "./evidence-queries.ts";
import type { WritableInventory } from "./inventory.ts";
import { type FileOriginId, fileReplicaStateOf, originStateOf, type ReplicaId } from "./model.ts";
import { commitOutcomes, setReconciledRevision } from "./outcomes.ts";
import { type PendingFile, pendingPage, startOfPending } from "./pending.ts";
import { readTallies, recount } from "./tally.ts";

const DIRECTORIES = ["/data", "/data/a", "/data/a/b"] as const;
const URLS = ["/r1", "/r2"] as const;
const DIGEST = { algorithm: "sha256", bytes: new Uint8Array(32) } as const;

const directory = fc.constantFrom(...DIRECTORIES);
const name = fc.constantFrom("x", "y", "z", "é");
const size = fc.nat(3);

const step = fc.oneof(
  fc.record({ kind: fc.constant("see" as const), directory, name, size, settled: fc.boolean() }),
  fc.record({ kind: fc.constant("vanish" as const), directory, name }),
  fc.record({ kind: fc.constant("vanish-directory" as const), directory: fc.constantFrom("/data/a", "/data/a/b") }),
  fc.record({ kind: fc.constant("exclude" as const), directory, name }),
  fc.record({ kind: fc.constant("declare" as const), replicas: fc.subarray([...URLS]), data: fc.boolean() }),
  /** A pass of a replica: of each pending file the copy is stored, fails, fails because the source moved, or is not tried. */
  fc.record({
    kind: fc.constant("pass" as const),
    url: fc.constantFrom(...URLS),
    outcomes: fc.array(fc.constantFrom("copied", "copied", "stored", "failed", "moved", "stale", "untried"), {
      minLength: 1,
      maxLength: 6,
    }),
  }),
  fc.record({
    kind: fc.constant("import" as const),
    url: fc.constantFrom(...URLS),
    directory,
    name,
    size,
    place: fc.constantFrom("", "aoc/data"),
  }),
  /** Copies are read back: each is good, found wrong, or another by now than the one that was looked at. */
  fc.record({
    kind: fc.constant("judge" as const),
    url: fc.constantFrom(...URLS),
    verdicts: fc.array(fc.constantFrom("good", "suspect", "corrupt", "lost", "replaced"), { minLength: 1, maxLength: 4 }),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Every pending file of a replica, read in small pages. */
function pendingOf(inventory: WritableInventory, url: string): PendingFile[] {
  const replica = declaredReplicas(inventory).find((one) => one.url === url);
  if (replica === undefined) return [];
  const files: PendingFile[] = [];
  for (let cursor = startOfPending(replica, inventory.revision); cursor.phase !== "end"; ) {
    const page = pendingPage(inventory, replica.id, cursor, 2);
    files.push(...page.files);
    cursor = page.next;
  }
  return files;
}

/** The same, said in the plainest way: settled, declared, and no current copy. */
function lacking(inventory: WritableInventory, replica: ReplicaId): FileOriginId[] {
  const { kysely } = inventory;
  const wanted = inventory.all(
    kysely
      .selectFrom("file_origin as f")
      .innerJoin("directory as d", "d.id", "f.directory_id")
      .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
      .select(["f.id", "f.state"])
      .where("g.declared", "=", 1)
      .orderBy("f.id"),
  );
  const current = new Set(
    inventory
      .all(kysely.selectFrom("file_replica").select(["file_origin_id as id", "state"]).where("replica_id", "=", replica))
      .filter(({ state }) => fileReplicaStateOf(state) === "current")
      .map(({ id }) => id),
  );
  return wanted.filter(({ id, state }) => originStateOf(state) === "settled" && !current.has(id)).map(({ id }) => id);
}

/** Said in the plainest way: found wrong, not to be had from its origin, and the same contents at another declared replica. */
function repairable(inventory: WritableInventory, replica: ReplicaId): FileOriginId[] {
  const { kysely } = inventory;
  const wanted = new Set(
    inventory
      .all(
        kysely
          .selectFrom("file_origin as f")
          .innerJoin("directory as d", "d.id", "f.directory_id")
          .innerJoin("data_directory as g", "g.id", "d.data_directory_id")
          .select(["f.id", "f.state", "g.declared"]),
      )
      .filter(({ state, declared }) => declared === 1 && ["settled", "growing"].includes(originStateOf(state)))
      .map(({ id }) => id),
  );
  const copies = inventory.all(kysely.selectFrom("file_replica").selectAll());
  const isGood = ({ state }: { state: number }): boolean => ["current", "stale"].includes(fileReplicaStateOf(state));
  const others = new Set(declaredReplicas(inventory).map(({ id }) => id));
  return copies
    .filter((copy) => copy.replica_id === replica && !isGood(copy) && !wanted.has(copy.file_origin_id))
    .filter((copy) =>
      copies.some(
        (other) =>
          other.replica_id !== replica &&
          others.has(other.replica_id) &&
          other.file_origin_id === copy.file_origin_id &&
          other.digest !== null &&
          copy.digest !== null &&
          isGood(other),
      ),
    )
    .map((copy) => copy.file_origin_id);
}

/** What stands against copies is what their states say. */
function expectFindingsToBeStates(inventory: WritableInventory): void {
  const { kysely } = inventory;
  const keyOf = (row: { replica_id: number; file_origin_id: number; state: number }): string =>
    `${row.replica_id} ${row.file_origin_id} ${fileReplicaStateOf(row.state)}`;
  const wrong = inventory.all(kysely.selectFrom("file_replica").selectAll()).map(keyOf);
  expect(inventory.all(kysely.selectFrom("finding").selectAll()).map(keyOf).toSorted()).toEqual(
    wrong.filter((key) => !/current|stale/.test(key)).toSorted(),
  );
}

async function judge(inventory: WritableInventory, url: string, verdicts: readonly string[]): Promise<void> {
  const replica = declaredReplicas(inventory).find((one) => one.url === url);
  if (replica === undefined) return;
  const copies = nextCopies(inventory, replica.id, 0, { judged: true }, { files: 100, bytes: 1_000, directories: 100 });
  const judged = copies.map(({ id, copiedAt, verdict: before }, index) => {
    const found = verdicts[index % verdicts.length] ?? "good";
    return { file: id, copiedAt: found === "replaced" ? copiedAt - 1 : copiedAt, found, ...(before && { verdict: before }) };
  });
  const isState = (word: string): word is "suspect" | "corrupt" | "lost" => ["suspect", "corrupt", "lost"].includes(word);
  const evidenceOfGroup = {
    verified: judged.filter(({ found }) => found === "good"),
    verdicts: judged.flatMap(({ file, copiedAt, found }) => {
      const state = found === "replaced" ? "lost" : found;
      return isState(state) ? [{ file, copiedAt, state, message: "m" }] : [];
    }),
  };
  const written = await must(recordEvidence(inventory, replica.id, evidenceOfGroup, 11));
  // What was found wrong before has its verdict.
  expect(written.verdicts.length).toBe(judged.filter(({ found, verdict }) => isState(found) && verdict === undefined).length);
}

async function pass(inventory: WritableInventory, url: string, outcomes: readonly string[]): Promise<void> {
  const replica = declaredReplicas(inventory).find((one) => one.url === url);
  if (replica === undefined) return;
  const newest = inventory.revision;
  let untried = newest + 1;
  for (const [index, file] of pendingOf(inventory, url).entries()) {
    const outcome = outcomes[index % outcomes.length];
    const failure = { file: file.id, domain: "source", reason: "SourceUnreadable", message: "m", nextAt: 5 };
    const moved = { ...file.evidence, size: file.evidence.size + 1 };
    const stored = { file: file.id, evidence: outcome === "stale" ? moved : file.evidence, digest: DIGEST };
    if (outcome === "copied") {
      // As the plan saw it: in one statement while nothing has changed since, else as any other.
      const copied = { files: [file], digests: new Uint8Array(32), revision: newest };
      await must(commitOutcomes(inventory, replica.id, { copied, stored: [], failed: [], finished: [] }, 9));
    } else if (outcome === "untried") untried = Math.min(untried, file.revision);
    else {
      const isStored = outcome === "stored" || outcome === "stale";
      const failed = outcome === "moved" ? { ...failure, observed: moved } : failure;
      await must(
        commitOutcomes(
          inventory,
          replica.id,
          { stored: isStored ? [stored] : [], failed: isStored ? [] : [failed], finished: [] },
          9,
        ),
      );
    }
  }
  await must(setReconciledRevision(inventory, replica.id, untried - 1));
}

/** Adds rows, and changes none. */
async function importOne(inventory: WritableInventory, one: Extract<Step, { kind: "import" }>): Promise<void> {
  if (!declaredReplicas(inventory).some(({ url }) => url === one.url)) return;
  const rows = (): string[] => [
    ...inventory.all(inventory.kysely.selectFrom("file_origin").selectAll().orderBy("id")).map((row) => JSON.stringify(row)),
    ...inventory.all(inventory.kysely.selectFrom("file_replica").selectAll()).map((row) => JSON.stringify(row)),
  ];
  const before = rows();
  const changes = await imported(
    inventory,
    one.url,
    foundIn(one.directory, [{ name: one.name, evidence: evidence(one.size) }], one.place),
  );
  const after = new Set(rows());
  expect(before.filter((row) => !after.has(row))).toEqual([]);
  expect(after.size - before.length).toBe(2 * changes.imported.files + changes.linked.files);
}

async function perform(inventory: WritableInventory, declared: Declared, one: Step): Promise<Declared> {
  switch (one.kind) {
    case "see": {
      const seen = { name: one.name, evidence: evidence(one.size), settled: one.settled };
      await scanned(inventory, declared, [differenceOf(one.directory, [seen])]);
      return declared;
    }
    case "vanish":
    case "exclude": {
      const id = idsIn(inventory, one.directory).get(one.name);
      const ids = id === undefined ? [] : [id];
      await scanned(inventory, declared, [
        differenceOf(one.directory, [], one.kind === "vanish" ? { vanished: ids } : { excluded: ids }),
      ]);
      return declared;
    }
    case "vanish-directory": {
      const row = inventory.first(inventory.kysely.selectFrom("directory").select("id").where("path", "=", one.directory));
      const gone = row === undefined ? [] : [row.id];
      await scanned(inventory, declared, [differenceOf("/data", [], { vanishedDirectories: gone })]);
      return declared;
    }
    case "declare": {
      await declareData(inventory, one.replicas, one.data ? ["/data"] : ["/elsewhere"]);
      // The scans go on in /data, declared or not: what is not declared must not be pending.
      return declared;
    }
    case "import":
      await importOne(inventory, one);
      return declared;
    case "judge":
      await judge(inventory, one.url, one.verdicts);
      return declared;
    case "pass":
      await pass(inventory, one.url, one.outcomes);
      return declared;
  }
}

test("the tallies equal the rows, and what is pending is what is lacking", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await withInventory(URLS, async (inventory, first) => {
        let declared = first;
        for (const one of steps) {
          declared = await perform(inventory, declared, one);
          expect(readTallies(inventory)).toEqual(recount(inventory));
          for (const replica of declaredReplicas(inventory)) {
            const pending = pendingOf(inventory, replica.url).map(({ id }) => id);
            const wanted = [...lacking(inventory, replica.id), ...repairable(inventory, replica.id)];
            expect(pending.toSorted((a, b) => a - b)).toEqual(wanted.toSorted((a, b) => a - b));
          }
          expectFindingsToBeStates(inventory);
        }
        // Whatever happened, its rows are ones that a check lets pass.
        expect(checkInventory(inventory.path)._unsafeUnwrap().problems).toEqual([]);
      });
    }),
    { numRuns: 30 },
  );
}, 60_000);

test("a revision is never given twice, and never goes back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      await withInventory(URLS, async (inventory, declared) => {
        let before = inventory.revision;
        for (const one of steps) {
          await perform(inventory, declared, one);
          expect(inventory.revision).toBeGreaterThanOrEqual(before);
          before = inventory.revision;
          const revisions = inventory
            .all(inventory.kysely.selectFrom("file_origin").select("revision"))
            .map((row) => row.revision);
          expect(new Set(revisions).size).toBe(revisions.length);
          expect(Math.max(0, ...revisions)).toBeLessThanOrEqual(before);
        }
      });
    }),
    { numRuns: 30 },
  );
}, 60_000);
