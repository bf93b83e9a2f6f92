/** A copy that was left alone because its source had gone back behind it stays so until the source holds all that it holds; and nothing is replaced from a directory in which files are missed. */
import { expect, test } from "bun:test";
import { differenceOf, evidence, idsIn, must, scanned, withInventory } from "./_for-tests.ts";
import { type Declared, declaredReplicas } from "./declare.ts";
import type { WritableInventory } from "./inventory.ts";
import { type Evidence, GONE_BACK } from "./model.ts";
import { commitOutcomes } from "./outcomes.ts";
import { pendingPage, startOfPending } from "./pending.ts";
import { attemptsAt } from "./queries.ts";
import { commitDifferences } from "./scan-commit.ts";

interface Story {
  readonly seen: (now: Evidence) => Promise<unknown>;
  readonly fails: (reason: string, nextAt: number) => Promise<unknown>;
  readonly pending: () => { readonly goneBack: boolean; readonly due: number | undefined } | undefined;
  readonly reasons: () => string[];
  /** A scan that does not see another file, as far as that. */
  readonly misses: (until: "begun" | "frozen" | "accepted") => Promise<unknown>;
}

/** A file of 100 bytes and second 1000 was copied; then its source was seen with 10 bytes, of second 999. */
async function withGoneBack(action: (story: Story) => Promise<void>): Promise<void> {
  await withInventory(["/r"], async (inventory: WritableInventory, declared: Declared) => {
    const seen = (now: Evidence) => scanned(inventory, declared, [differenceOf("/data", [{ name: "night", evidence: now }])]);
    await scanned(inventory, declared, [differenceOf("/data/other", [{ name: "day", evidence: evidence(1) }])]);
    await seen(evidence(100, 1000));
    const file = idsIn(inventory, "/data").get("night");
    const [replica] = declaredReplicas(inventory);
    const [dataDirectory] = declared.dataDirectories;
    if (file === undefined || replica === undefined || dataDirectory === undefined) throw new Error("the story has no beginning");
    const missing = differenceOf("/data/other", [], { vanished: [...idsIn(inventory, "/data/other").values()] });
    const digest = { algorithm: "sha256", bytes: new Uint8Array(32) } as const;
    const day = { file: idsIn(inventory, "/data/other").get("day") ?? file, evidence: evidence(1), digest };
    const outcome = { stored: [day, { file, evidence: evidence(100, 1000), digest }], failed: [], finished: [] };
    await must(commitOutcomes(inventory, replica.id, outcome, 9));
    await seen(evidence(10, 999));
    await action({
      seen,
      fails: (reason, nextAt) =>
        must(
          commitOutcomes(
            inventory,
            replica.id,
            { stored: [], failed: [{ file, domain: "source", reason, message: reason, nextAt }], finished: [] },
            9,
          ),
        ),
      pending: () => {
        let cursor = startOfPending(replica, inventory.revision);
        while (cursor.phase !== "end") {
          const { files, next } = pendingPage(inventory, replica.id, cursor, 10);
          const [one] = files;
          if (one !== undefined) return { goneBack: one.goneBack === true, due: one.attempt?.nextAt };
          cursor = next;
        }
        return undefined;
      },
      misses: (until) =>
        until === "begun"
          ? must(commitDifferences(inventory, dataDirectory, [missing], 1_000))
          : scanned(inventory, declared, [missing], { maxLoss: 0, acceptLoss: until === "accepted" }),
      reasons: () => attemptsAt(inventory, file).map(({ reason }) => reason),
    });
  });
}

test("it is known by its times, and remembered whatever somebody writes there then, without another look at each line", () =>
  withGoneBack(async ({ seen, fails, pending, reasons }) => {
    expect(pending()).toEqual({ goneBack: true, due: undefined });
    await fails(GONE_BACK, 999_999);
    for (const now of [evidence(20, 2000), evidence(20, 2500), evidence(200, 3000)]) {
      await seen(now);
      expect(pending()).toEqual({ goneBack: true, due: 999_999 });
    }
    await fails("SourceChanged", 999_998);
    expect(reasons()).toEqual([GONE_BACK]);
  }));

test("what the copy was made of is looked at as soon as it is back", () =>
  withGoneBack(async ({ seen, fails, pending }) => {
    await fails(GONE_BACK, 999_999);
    await seen(evidence(100, 1000));
    expect(pending()).toEqual({ goneBack: true, due: 1_000 });
  }));

test("while files are missed and the scan has not ended, and while the directory is frozen, nothing is replaced", () =>
  withGoneBack(async ({ pending, misses }) => {
    expect(pending()).toBeDefined();
    await misses("begun");
    expect(pending()).toBeUndefined();
    await misses("frozen");
    expect(pending()).toBeUndefined();
    await misses("accepted");
    expect(pending()).toBeDefined();
  }));

test("other attempts are not remembered so", () =>
  withGoneBack(async ({ seen, fails, pending, reasons }) => {
    await fails("SourceUnreadable", 999_999);
    await seen(evidence(20, 2000));
    expect(reasons()).toEqual(["SourceUnreadable"]);
    expect(pending()).toEqual({ goneBack: false, due: 999_999 });
  }));

test("what was written to while it was tried is tried at once when it has settled, however late that was to be", async () => {
  await withInventory(["/r"], async (inventory, declared) => {
    const seen = (size: number, settled: boolean) =>
      scanned(inventory, declared, [differenceOf("/data", [{ name: "ring", evidence: evidence(size), settled }])]);
    await seen(1, false);
    const file = idsIn(inventory, "/data").get("ring");
    const [replica] = declaredReplicas(inventory);
    if (file === undefined || replica === undefined) throw new Error("the story has no beginning");
    const failed = { file, domain: "source", reason: "SourceChanged", message: "", nextAt: 9e12, observed: evidence(1) };
    await must(commitOutcomes(inventory, replica.id, { stored: [], failed: [failed], finished: [] }, 9));
    expect(attemptsAt(inventory, file).map(({ nextAt }) => nextAt)).toEqual([9e12]);
    await seen(1, true);
    expect(attemptsAt(inventory, file).map(({ nextAt }) => nextAt < 9e12)).toEqual([true]);
  });
});
