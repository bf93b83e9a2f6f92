/** Listings that are made ahead tell what the volume tells. */
import { expect, test } from "bun:test";
import { err, ok } from "neverthrow";
import type { EntryVisitor } from "../sys/mod.ts";
import type { ListableVolume, VolumeError } from "../volume/mod.ts";
import { ListingsAhead } from "./listings-ahead.ts";

const LOST: VolumeError = { kind: "volume", reason: "connection-lost", operation: "list", path: "/x", code: "" };

/** Directories by their path below the root: how many files each has; "broken" ends in an error. */
function volumeOf(directories: Readonly<Record<string, number>>): ListableVolume & { readonly listed: string[] } {
  const listed: string[] = [];
  return {
    listed,
    openDirectory: async (path) => {
      const files = directories[path];
      if (files === undefined) return err({ ...LOST, reason: "not-found" });
      return ok({
        entries: async (visitor: EntryVisitor) => {
          listed.push(path);
          for (let index = 0; index < files; index++) visitor.file(`${path}${index}`, index, 1, 2, 3);
          visitor.directory("sub");
          return path === "broken" ? err(LOST) : ok(undefined);
        },
        hidesNames: true,
        look: async () => ok(undefined),
        close: () => undefined,
      });
    },
  };
}

async function namesIn(volume: ListableVolume, path: string): Promise<{ names: string[]; error: string }> {
  const names: string[] = [];
  const note = (name: string): void => {
    names.push(name);
  };
  const opened = await volume.openDirectory(path);
  if (opened.isErr()) return { names, error: opened.error.reason };
  const listed = await opened.value.entries({ file: note, directory: note, symlink: note, special: note, unreadable: note });
  opened.value.close();
  return { names, error: listed.isErr() ? listed.error.reason : "" };
}

test("in whatever order they are asked for, also those that fail, are too long, or were never announced", async () => {
  const directories = { a: 3, b: 0, broken: 2, long: 30_000, later: 1 };
  const plain = volumeOf(directories);
  const paths = ["", "a", "none", "b", "broken", "long", "later"];
  const ahead = new ListingsAhead(
    volumeOf(directories),
    paths.filter((path) => path !== "later").map((path) => (path === "" ? "/root" : `/root/${path}`)),
    "/root",
  );
  for (const path of paths.toReversed()) expect(await namesIn(ahead, path)).toEqual(await namesIn(plain, path));
});

test("each is listed once, and few at a time", async () => {
  const names = Array.from({ length: 30 }, (_, index) => `d${index}`);
  const volume = volumeOf(Object.fromEntries(names.map((name) => [name, 1])));
  const ahead = new ListingsAhead(
    volume,
    names.map((name) => `/${name}`),
    "/",
  );
  await Promise.resolve();
  expect(volume.listed.length).toBeLessThanOrEqual(8);
  for (const name of names) expect((await namesIn(ahead, name)).names).toEqual([`${name}0`, "sub"]);
  expect(volume.listed.toSorted()).toEqual(names.toSorted());
});
