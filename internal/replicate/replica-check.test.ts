import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import { localAddress, MARKER_NAME } from "../volume/mod.ts";
import { checkReplica } from "./replica-check.ts";

const UUIDS = ["11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"] as const;

test("where two look at a new root at once, one writes its marker, and both go on with that one", async () => {
  using scratch = new Scratch();
  const looks = UUIDS.map((uuid, index) =>
    checkReplica({
      address: localAddress(scratch.folder),
      marker: null,
      newMarker: { uuid, created: "2026-11-01T00:00:00.000Z", hex: `${index}`.repeat(16) },
      reserveBytes: 0,
    }),
  );
  const found = (await Promise.all(looks)).map((result) => result._unsafeUnwrap());
  const { uuid } = JSON.parse(readFileSync(scratch.path(MARKER_NAME), "utf8"));
  expect(found.map(({ marker }) => marker)).toEqual([uuid, uuid]);
  expect(found.map(({ markerWritten }) => markerWritten).toSorted()).toEqual([false, true]);
});
