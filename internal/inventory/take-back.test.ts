/** Verdicts fall by the recorded contents alone, and leave nothing behind; what they rest on beside the contents keeps them. */
import { expect, test } from "bun:test";
import { differenceOf, evidence, foundIn, idsIn, imported, must, scanned, withInventory } from "./_for-tests.ts";
import { type Declared, declaredReplicas } from "./declare.ts";
import { recordEvidence, type Verdict, type VerifiedCopy } from "./evidence.ts";
import { findingsAt, nextCopies } from "./evidence-queries.ts";
import type { WritableInventory } from "./inventory.ts";
import { commitProven } from "./manifest-evidence.ts";
import { manifestCopies } from "./manifests.ts";
import { type FileOriginId, GONE_BACK, type ReplicaId } from "./model.ts";
import { changeFileOrigin } from "./origin-changes.ts";
import { commitOutcomes } from "./outcomes.ts";
import { attemptsAt, copiesOf } from "./queries.ts";
import { readTallies, recount } from "./tally.ts";

const DIGEST = new Uint8Array(32).fill(1);
const ALL = { files: 9, bytes: 999, directories: 9 };
const HOUR = 3_600_000;

interface Story {
  readonly inventory: WritableInventory;
  readonly declared: Declared;
  readonly file: FileOriginId;
  readonly replica: ReplicaId;
  readonly state: () => string | undefined;
  readonly judge: (verdict: Partial<Verdict>, at?: number) => Promise<void>;
  /** Reads the copy, which has the recorded contents; was its verdict taken back? */
  readonly read: (at?: number) => Promise<boolean>;
}

/** A file of 10 bytes, and its copy of known contents at the first replica: made, or found there. */
async function withCopy(how: "made" | "found", action: (story: Story) => Promise<void>): Promise<void> {
  await withInventory(["/r1", "/r2"], async (inventory, declared) => {
    const [replica] = declaredReplicas(inventory);
    if (replica === undefined) throw new Error("no replica");
    const x = [{ name: "x", evidence: evidence(10) }];
    if (how === "found") await imported(inventory, "/r1", foundIn("/data", x));
    else await scanned(inventory, declared, [differenceOf("/data", x)]);
    const file = idsIn(inventory, "/data").get("x");
    if (file === undefined) throw new Error("no file");
    const record = (verified: readonly VerifiedCopy[], verdicts: readonly Verdict[], at: number) =>
      must(recordEvidence(inventory, replica.id, { verified, verdicts }, at));
    const copy = () => nextCopies(inventory, replica.id, 0, { judged: true }, ALL)[0];
    if (how === "found") await record([{ file, copiedAt: copy()?.copiedAt ?? 0, digest: DIGEST }], [], 10);
    else {
      const stored = { file, evidence: evidence(10), digest: { algorithm: "sha256", bytes: DIGEST } as const };
      await must(commitOutcomes(inventory, replica.id, { stored: [stored], failed: [], finished: [] }, 9));
    }
    const judge: Story["judge"] = async (verdict, at = 20) => {
      const all = { file, copiedAt: copy()?.copiedAt ?? 0, state: "suspect", message: "m", ...verdict } as const;
      expect((await record([], [all], at)).verdicts).toHaveLength(1);
    };
    const read: Story["read"] = async (at = 30) => {
      const { copiedAt = 0, verdict = "suspect" } = copy() ?? {};
      const { takenBack } = await record([{ file, copiedAt, verdict }], [], at);
      expect(readTallies(inventory)).toEqual(recount(inventory));
      expect(findingsAt(inventory, file)).toHaveLength(takenBack.length === 0 ? 1 : 0);
      return takenBack.length > 0;
    };
    const state = () => copiesOf(inventory, file).find((one) => one.replica === replica.id)?.state;
    await action({ inventory, declared, file, replica: replica.id, state, judge, read });
  });
}

test.each(["suspect", "corrupt", "lost"] as const)("one that was %s is current again, and no attempt is left", (state) =>
  withCopy("made", async ({ inventory, file, replica, judge, read, state: now }) => {
    await judge({ state });
    const failed = { file, domain: "replica", reason: "EditedAtReplica", message: "m", nextAt: 9e12 };
    await must(commitOutcomes(inventory, replica, { stored: [], failed: [failed], finished: [] }, 21));
    expect(await read()).toBe(true);
    expect(now()).toBe("current");
    expect(attemptsAt(inventory, file)).toEqual([]);
  }),
);

test("one whose origin has moved on is stale, and is tried at once: what was told of its verdict is gone", () =>
  withCopy("made", async ({ inventory, declared, file, replica, judge, read, state }) => {
    await judge({});
    await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(11, 2_000) }])]);
    const failed = { file, domain: "replica", reason: "EditedAtReplica", message: "m", nextAt: 9e12 };
    await must(commitOutcomes(inventory, replica, { stored: [], failed: [failed], finished: [] }, 21));
    expect(await read()).toBe(true);
    expect(state()).toBe("stale");
    expect(attemptsAt(inventory, file)).toEqual([]);
  }));

test("one whose file was deleted, and another has its name now, is held back: it may prove to be the last of the former", () =>
  withCopy("made", async ({ inventory, file, judge, read, state }) => {
    await judge({});
    const change = (how: Parameters<typeof changeFileOrigin>[2]) =>
      must(inventory.write((transaction) => changeFileOrigin(transaction, file, how)));
    await change({ state: "absent", observedAt: 2_000 });
    await change({ state: "settled", evidence: evidence(5, 9_000), observedAt: 2_000 + HOUR });
    expect(await read()).toBe(true);
    expect(state()).toBe("stale");
    expect(attemptsAt(inventory, file).map(({ reason }) => reason)).toEqual([GONE_BACK]);
  }));

test("one that was found, and is not what its origin is, stays suspect whatever its contents are", () =>
  withCopy("found", async ({ inventory, declared, read, state }) => {
    await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(11) }])]);
    expect(state()).toBe("suspect");
    expect(await read()).toBe(false);
    expect(state()).toBe("suspect");
    await scanned(inventory, declared, [differenceOf("/data", [{ name: "x", evidence: evidence(10) }])]);
    expect(await read()).toBe(true);
  }));

test("one of which other copies have said that it has other contents stays suspect", () =>
  withCopy("found", async ({ judge, read, state }) => {
    await judge({ expected: new Uint8Array(32).fill(2), found: DIGEST });
    expect(await read()).toBe(false);
    expect(state()).toBe("suspect");
  }));

test("a manifest that was written before does not bring the verdict back", () =>
  withCopy("made", async ({ inventory, replica, judge, read, state }) => {
    await judge({ state: "corrupt" });
    const id = inventory
      .all(inventory.kysely.selectFrom("directory").select(["id", "path"]))
      .find(({ path }) => path === "/data")?.id;
    if (id === undefined) throw new Error("no directory");
    const copies = [...manifestCopies(inventory, replica, id)].flat().map((copy) => ({ copy, kept: copy.kept }));
    expect(copies).toMatchObject([{ copy: { state: "corrupt" } }]);
    const takeOver = () =>
      must(
        inventory.write((transaction) => commitProven(transaction, replica, "exao1", [{ path: "/data", place: "", copies }], 40)),
      );
    expect(await read()).toBe(true);
    expect(await takeOver()).toBe(0);
    expect(state()).toBe("current");
  }));
