import { expect, test } from "bun:test";
import { ok } from "neverthrow";
import type { Replica, ReplicaUrl } from "../config/mod.ts";
import type { DeclaredReplica, ReplicaId } from "../inventory/mod.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { lookUnlessInUse } from "./still-in-use.ts";

const row: DeclaredReplica = { id: 1 as ReplicaId, url: "/b", marker: null, reconciledRevision: 0 };
/** Its rows are those of a former declaration. */
const takenOver: DeclaredReplica = { ...row, id: 2 as ReplicaId, marker: "m" };
// Nothing is read of the declaration but its name, and nothing of what was found but the marker.
const seen = { replica: { id: "/b" } as Replica, row: takenOver, found: { kind: "ready", marker: "m" } } as CheckedReplica;

/** A loop that works on the volume with this marker, and drains. */
const drains = (url: string, marker: string) => ({
  // Any name does.
  loop: { url: url as ReplicaUrl, worksOn: (one: string) => one === marker },
  free: new Promise<void>(() => undefined),
});

type Draining = ReturnType<typeof drains>[];

/** `meanwhile`: what happens while the volume is looked at. */
async function look(draining: Draining, meanwhile: (stop: AbortController, draining: Draining) => void = () => undefined) {
  const written: DeclaredReplica[] = [];
  const stop = new AbortController();
  const looks = {
    withoutWriting: async () => {
      meanwhile(stop, draining);
      return ok(seen);
    },
    toWrite: async (known: DeclaredReplica) => {
      written.push(known);
      return ok(seen);
    },
  };
  const result = await lookUnlessInUse(row, looks, { draining: () => draining, signal: stop.signal });
  return { checked: result._unsafeUnwrap(), written };
}

test("where nobody drains, or only others, a replica is looked at to be written to, by the row that it has by then", async () => {
  expect((await look([])).written).toEqual([row]);
  expect((await look([drains("/a", "other")])).written).toEqual([takenOver]);
});

test("a volume that a former declaration still works on is waited for", async () => {
  const former = drains("/a", "m");
  const { checked, written } = await look([former]);
  expect(written).toEqual([]);
  expect(checked.found).toMatchObject({ kind: "replica-problem", reason: "StillInUse", message: expect.stringContaining("/a") });
  expect(checked.released).toBe(former.free);
});

test("whoever is un-declared while it looks waits neither for itself nor for one that waits for it", async () => {
  const { checked, written } = await look([drains("/a", "other")], (stop, draining) => {
    stop.abort();
    draining.push(drains("/b", "m"));
  });
  expect(written).toEqual([]);
  expect(checked.released).toBeUndefined();
});
