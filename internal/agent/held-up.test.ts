/** Who is blamed for a worker that hangs over its source: the note that the copy's own code has left is read as the controller reads it. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import type { DataDirectoryId, DirectoryId, FileOriginId, OriginDirectory, PendingFile, ReplicaId } from "../inventory/mod.ts";
import { OriginFiles } from "../replicate/origin-files.ts";
import { Scratch } from "../testing/mod.ts";
import { localAddress, type VolumeAddress } from "../volume/mod.ts";
import { type FileSource, packGroup, unpackGroup } from "./copy-messages.ts";
import { HeldUp, hangsInSource, originPlace, replicaPlace } from "./held-up.ts";

// The numbers of rows are made up here.
const DIRECTORY: OriginDirectory = {
  id: 7 as DirectoryId,
  dataDirectoryId: 1 as DataDirectoryId,
  host: "icc",
  dataDirectory: "/data",
  path: "/data",
};
const [TWO, THREE] = [2 as ReplicaId, 3 as ReplicaId];
const FAR: VolumeAddress = {
  kind: "ssh",
  name: "ssh://icc//data",
  host: "icc",
  path: "/data",
  options: [],
  connections: 1,
  timeoutMilliseconds: 1,
  mostEntries: 1,
};

const file = (id: number, name: string): PendingFile => ({
  id: id as FileOriginId,
  directory: DIRECTORY,
  name,
  evidence: { size: 1, mtimeSeconds: 1, mtimeNanoseconds: 0 },
  revision: 1,
  observedAt: 0,
});
const [A, B] = [file(11, "a"), file(12, "b")];

/** Where a worker is held up that hangs in the directory of B's source. `ofA`: the source of the other file of the same directory. */
async function heldOver(ofA: FileSource): Promise<readonly string[]> {
  using scratch = new Scratch();
  mkdirSync(scratch.path("three"));
  const ofB: FileSource = { address: localAddress(scratch.path("three")), fromCopy: true, replica: THREE };
  const sources = { of: ({ id }: PendingFile) => (id === A.id ? ofA : ofB), has: () => true };
  const replica = {
    address: localAddress(scratch.path("four")),
    marker: "",
    claims: { claimant: { machine: "", database: "", inventory: "", hostname: "" }, hosts: [] },
    reserveBytes: 0,
  };
  const { requests } = unpackGroup(packGroup(replica, [A, B], sources.of, () => false));
  const request = requests.find(({ id }) => id === B.id);
  if (request === undefined) throw new Error("the group has lost a file");
  let noted: number | undefined;
  const watch = {
    isStopped: () => false,
    isGivenUp: () => false,
    atSource: (note: number | undefined) => {
      noted = note ?? noted;
    },
  };
  const origins = new OriginFiles(watch);
  (await origins.directoryOf(request))._unsafeUnwrap();
  await origins.close();
  if (noted === undefined) throw new Error("no call was noted");
  const heldUp = new HeldUp();
  const reply = {
    kind: "stalled",
    detail: "no progress",
    released: new Promise<void>(() => undefined),
    atSource: noted,
  } as const;
  expect(hangsInSource(heldUp, [A, B], sources, reply)).toBe(true);
  return [originPlace("icc", "/data"), replicaPlace(TWO), replicaPlace(THREE)].filter((place) => heldUp.has(place));
}

test("a copy on a disk that hangs is not taken for its origin, which another file of the group comes from", async () => {
  expect(await heldOver({ address: FAR, fromCopy: false })).toEqual([replicaPlace(THREE)]);
});

test("of two replicas that files of one directory come from, the one that hangs is held up", async () => {
  expect(await heldOver({ address: localAddress("/two"), fromCopy: true, replica: TWO })).toEqual([replicaPlace(THREE)]);
});
