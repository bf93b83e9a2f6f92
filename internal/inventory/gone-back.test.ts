/** A copy that was left alone because its source had gone back behind it stays so until somebody has touched the source, or it is copied. */
import { expect, test } from "bun:test";
import { differenceOf, evidence, idsIn, must, scanned, withInventory } from "./_for-tests.ts";
import { type Declared, declaredReplicas } from "./declare.ts";
import type { Inventory } from "./inventory.ts";
import { type Evidence, GONE_BACK } from "./model.ts";
import { commitOutcomes } from "./outcomes.ts";
import { pendingPage, startOfPending } from "./pending.ts";
import { attemptsAt } from "./queries.ts";

interface Story {
  readonly seen: (now: Evidence) => Promise<unknown>;
  readonly fails: (reason: string, nextAt: number) => Promise<unknown>;
  readonly pending: () => { readonly goneBack: boolean; readonly due: number | undefined } | undefined;
  readonly reasons: () => string[];
}

/** A file of 100 bytes and second 1000 was copied; then its source was seen with 10 bytes, of second 999. */
async function withGoneBack(action: (story: Story) => Promise<void>): Promise<void> {
  await withInventory(["/r"], async (inventory: Inventory, declared: Declared) => {
    const seen = (now: Evidence) => scanned(inventory, declared, [differenceOf("/data", [{ name: "night", evidence: now }])]);
    await seen(evidence(100, 1000));
    const file = idsIn(inventory, "/data").get("night");
    const replica = declaredReplicas(inventory)[0];
    if (file === undefined || replica === undefined) throw new Error("the story has no beginning");
    const digest = { algorithm: "sha256", bytes: new Uint8Array(32) } as const;
    const outcome = { stored: [{ file, evidence: evidence(100, 1000), digest }], failed: [], finished: [] };
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
      reasons: () => attemptsAt(inventory, file).map(({ reason }) => reason),
    });
  });
}

test("it is known by its times, and remembered when somebody goes on writing, and is looked at again soon", () =>
  withGoneBack(async ({ seen, fails, pending, reasons }) => {
    expect(pending()).toEqual({ goneBack: true, due: undefined });
    await fails(GONE_BACK, 999_999);
    await seen(evidence(20, 2000));
    expect(pending()).toEqual({ goneBack: true, due: 1_000 });
    await fails("SourceChanged", 999_999);
    expect(reasons()).toEqual([GONE_BACK]);
    await seen(evidence(200, 3000));
    expect(pending()).toEqual({ goneBack: true, due: 1_000 });
  }));

test("who touches it says that it is right", () =>
  withGoneBack(async ({ seen, fails, pending, reasons }) => {
    await fails(GONE_BACK, 999_999);
    await seen(evidence(10, 2000));
    expect(reasons()).toEqual([]);
    expect(pending()).toEqual({ goneBack: false, due: undefined });
  }));

test("other attempts are not remembered so", () =>
  withGoneBack(async ({ seen, fails, pending, reasons }) => {
    await fails("SourceUnreadable", 999_999);
    await seen(evidence(20, 2000));
    expect(reasons()).toEqual(["SourceUnreadable"]);
    expect(pending()).toEqual({ goneBack: false, due: 999_999 });
  }));
