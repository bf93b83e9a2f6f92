/** Copies are only taken for seen between two proofs that the replica is the one. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { FileOriginId } from "../inventory/mod.ts";
import { Scratch } from "../testing/mod.ts";
import { localAddress, MARKER_NAME, openLocalVolume, writeMarker } from "../volume/mod.ts";
import { lookAtCopies } from "./safety-look.ts";

const UUID = "11111111-2222-4333-8444-555555555555";
const CLAIMANT = { inventory: UUID, machine: "", hostname: "here", database: "/inventory.db" };

async function replicaIn(scratch: Pick<Scratch, "folder" | "path">) {
  mkdirSync(scratch.path("exao1/data"), { recursive: true });
  for (const name of ["one", "two"]) writeFileSync(scratch.path("exao1/data", name), name);
  const volume = openLocalVolume(scratch.folder)._unsafeUnwrap();
  (
    await writeMarker(
      volume,
      { format: 1, uuid: UUID, created: "2026-11-01T00:00:00.000Z" },
      { hex: "0123456789abcdef", how: "new" },
    )
  )._unsafeUnwrap();
  volume.close();
  return { address: localAddress(scratch.folder), marker: UUID, claims: { claimant: CLAIMANT, hosts: ["exao1"] } };
}

// Any number does.
const copy = (id: number, name: string) => ({ file: id as FileOriginId, folder: "exao1/data", name });

describe("a look at copies", () => {
  test("tells what is there, what is gone, and what is something else", async () => {
    using scratch = new Scratch();
    const replica = await replicaIn(scratch);
    const looked = await lookAtCopies(replica, [copy(1, "one"), copy(2, "gone"), { ...copy(3, "x"), folder: "exao1/none" }]);
    if (looked.kind !== "ready") throw new Error(looked.message);
    expect([...looked.copies.values()].map(({ kind }) => kind)).toEqual(["there", "gone", "gone"]);
    expect(looked.fate.parts).not.toEqual([]);
  });

  test("says nothing of a replica that was not the one before, or was not any more after it", async () => {
    using scratch = new Scratch();
    const replica = await replicaIn(scratch);
    expect(await lookAtCopies({ ...replica, marker: null }, [copy(1, "one")])).toMatchObject({ kind: "not-ready" });
    const another = UUID.replace("1", "2");
    expect(await lookAtCopies({ ...replica, marker: another }, [copy(1, "one")])).toMatchObject({ kind: "not-ready" });
    // Pulled out in the middle: the first copy was seen, and does not count.
    const pulled = {
      ...copy(2, ""),
      get name() {
        rmSync(scratch.path(MARKER_NAME), { force: true });
        return "two";
      },
    };
    expect(await lookAtCopies(replica, [copy(1, "one"), pulled])).toMatchObject({ kind: "not-ready" });
  });

  test("says nothing of a replica whose root goes on the way", async () => {
    using scratch = new Scratch();
    mkdirSync(scratch.path("root"));
    const inner = { folder: scratch.path("root"), path: (...names: string[]) => scratch.path("root", ...names) };
    const replica = await replicaIn(inner);
    const moved = {
      ...copy(1, ""),
      get name() {
        renameSync(scratch.path("root"), scratch.path("away"));
        return "one";
      },
    };
    expect(await lookAtCopies(replica, [moved])).toMatchObject({ kind: "not-ready" });
  });
});
