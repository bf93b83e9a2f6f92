import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { makeScratch, Scratch, SFTP_SERVER } from "../testing/mod.ts";
import { closeIdleConnections, openLocalVolume, openVolume, partialName, setApartName, type Volume } from "../volume/mod.ts";
import { removeTemporaryFiles } from "./temporary-files.ts";

test("only our own temporary files are removed, and each is a sign of life", async () => {
  using scratch = new Scratch();
  const own = Array.from({ length: 5 }, (_, index) => `.xtelemdb-000000000000000${index}.part`);
  for (const name of [...own, "data", ".xtelemdb-x.part"]) writeFileSync(scratch.path(name), "x");
  const volume = openLocalVolume(scratch.folder)._unsafeUnwrap();
  let alive = 0;
  const removed = await removeTemporaryFiles(volume, "", 0, () => {
    alive += 1;
  });
  volume.close();
  expect(removed).toBe(own.length);
  expect(readdirSync(scratch.folder).toSorted()).toEqual([".xtelemdb-x.part", "data"]);
  expect(alive).toBeGreaterThanOrEqual(own.length);
});

const PARTIAL = partialName("0123456789abcdef");
const DAY_SECONDS = 24 * 3600;
const now = (): number => Date.now() / 1000;

/** OpenSSH's own sftp-server, without ssh between: a script in its place. */
async function openOverPipes(root: string): Promise<Volume> {
  const host = `${makeScratch()}/ssh`;
  writeFileSync(host, `#!/bin/sh\nexec ${SFTP_SERVER}\n`, { mode: 0o755 });
  process.env.XTELEMDB_SSH = host;
  const rest = { options: [], mostEntries: 1e9, connections: 1, timeoutMilliseconds: 10_000 } as const;
  return (await openVolume({ kind: "ssh", name: `ssh://far/${root}`, host, path: root, ...rest }))._unsafeUnwrap();
}
afterAll(() => closeIdleConnections());

const KINDS: readonly (readonly [name: string, open: (root: string) => Promise<Volume>])[] = [
  ["local", async (root) => openLocalVolume(root)._unsafeUnwrap()],
  ...(existsSync(SFTP_SERVER) ? [["sftp", openOverPipes] as const] : []),
];

test.each(KINDS)("a large copy that was finished just now is kept, however old its source is (%s)", async (_kind, open) => {
  using scratch = new Scratch();
  const volume = await open(scratch.folder);
  const root = (await volume.openDirectory(""))._unsafeUnwrap();
  const file = (await root.createTemporary(PARTIAL))._unsafeUnwrap();
  const time = { mtimeSeconds: Math.floor(now()) - 30 * DAY_SECONDS, mtimeNanoseconds: 0 };
  (await file.seal(0, { mode: 0o644, uid: 0, gid: 0, ...time }))._unsafeUnwrap();
  (await file.sync())._unsafeUnwrap();
  file.close();
  root.close();
  expect(await removeTemporaryFiles(volume, "", now())).toBeUndefined();
  expect(readdirSync(scratch.folder)).toEqual([PARTIAL]);
  expect(await removeTemporaryFiles(volume, "", now() + 8 * DAY_SECONDS)).toBe(1);
  expect(readdirSync(scratch.folder)).toEqual([]);
  volume.close();
});

test.each(KINDS)("what was set apart gets its former name back, unless that is taken or it is old (%s)", async (_kind, open) => {
  using scratch = new Scratch();
  const volume = await open(scratch.folder);
  const other = partialName("fedcba9876543210");
  for (const name of [PARTIAL, other]) writeFileSync(scratch.path(setApartName(name, "01234567")), "whole");
  writeFileSync(scratch.path(PARTIAL), "half");
  expect(await removeTemporaryFiles(volume, "", now())).toBeUndefined();
  expect(readdirSync(scratch.folder).toSorted()).toEqual([PARTIAL, other]);
  const old = setApartName(PARTIAL, "01234567");
  renameSync(scratch.path(PARTIAL), scratch.path(old));
  expect(await removeTemporaryFiles(volume, "", now() + 8 * DAY_SECONDS)).toBe(2);
  expect(readdirSync(scratch.folder)).toEqual([]);
  volume.close();
});

test.skipIf(!existsSync(SFTP_SERVER))("a half copy that nobody has gone on with for a week is removed over sftp", async () => {
  using scratch = new Scratch();
  writeFileSync(scratch.path(PARTIAL), "x");
  const volume = await openOverPipes(scratch.folder);
  expect(await removeTemporaryFiles(volume, "", now())).toBeUndefined();
  utimesSync(scratch.path(PARTIAL), now() - 8 * DAY_SECONDS, now() - 8 * DAY_SECONDS);
  expect(await removeTemporaryFiles(volume, "", now())).toBe(1);
  expect(readdirSync(scratch.folder)).toEqual([]);
  volume.close();
});
