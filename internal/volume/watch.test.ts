/** What only a local volume can: watching directories, knowing writers, knowing who else may change it. */
import { expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { closeWatching, createInotify, createWakeup, decodeEvents, IN, IoBuffer, waitAndRead } from "../sys/mod.ts";
import { repositoryPath, Scratch } from "../testing/mod.ts";
import { openLocalVolume, volumeErrorMessage } from "./mod.ts";

async function must<Value>(outcome: PromiseLike<{ _unsafeUnwrap(): Value }> | { _unsafeUnwrap(): Value }): Promise<Value> {
  return (await outcome)._unsafeUnwrap();
}

test("a watched directory reports what happens in it, and is one watch however often it is asked for", async () => {
  using scratch = new Scratch();
  const inotify = createInotify()._unsafeUnwrap();
  const wakeup = createWakeup()._unsafeUnwrap();
  const volume = openLocalVolume(scratch.folder)._unsafeUnwrap();
  const watches: number[] = [];
  for (const _ of [1, 2]) {
    const directory = await must(volume.openDirectory(""));
    watches.push(directory.watch?.(inotify)._unsafeUnwrap() ?? -1);
    directory.close();
  }
  expect(watches[0]).toBe(watches[1]);
  writeFileSync(scratch.path("file"), "x");
  const bytes = waitAndRead(inotify, wakeup, new IoBuffer(1 << 12))._unsafeUnwrap();
  const events = decodeEvents(bytes ?? new Uint8Array());
  expect([...events.watches, ...events.masks, ...events.names]).toEqual([watches[0] ?? 0, IN.create | IN.closeWrite, "file"]);
  volume.close();
  closeWatching(inotify);
  closeWatching(wakeup);
});

test("a source says whether somebody writes it", async () => {
  using scratch = new Scratch();
  const volume = openLocalVolume(scratch.folder)._unsafeUnwrap();
  const directory = await must(volume.openDirectory(""));
  const writing = openSync(scratch.path("file"), "w");
  const source = await must(directory.openSource("file"));
  expect(source.writers?.()).toBe("some");
  closeSync(writing);
  expect(source.writers?.()).toBe("none");
  for (const one of [source, directory, volume]) one.close();
});

test("a tree that only this machine changes says so", () => {
  using scratch = new Scratch();
  const volume = openLocalVolume(scratch.folder)._unsafeUnwrap();
  expect(volume.changesElsewhere).toBeUndefined();
  volume.close();
});

/** In a user namespace of its own, whose limit is nobody else's. */
const limited = (limit: number, script: string) => [
  "unshare",
  "--user",
  "--map-root-user",
  "sh",
  "-c",
  'echo "$1" >/proc/sys/user/max_inotify_watches && exec "$2" run "$3"',
  "sh",
  String(limit),
  process.execPath,
  script,
];

const canLimit = Bun.spawnSync(["unshare", "--user", "--map-root-user", "true"], { stderr: "ignore" }).exitCode === 0;
if (!canLimit) console.log("SKIPPED: the limit of watches: user namespaces are not available");

test.skipIf(!canLimit)("the limit of watches is told apart from a full disk", () => {
  using scratch = new Scratch();
  for (const name of ["a", "b", "c"]) Bun.spawnSync(["mkdir", scratch.path(name)]);
  const script = `
    import { createInotify } from ${JSON.stringify(repositoryPath("internal/sys/mod.ts"))};
    import { openLocalVolume } from ${JSON.stringify(repositoryPath("internal/volume/mod.ts"))};
    const inotify = createInotify()._unsafeUnwrap();
    const volume = openLocalVolume(${JSON.stringify(scratch.folder)})._unsafeUnwrap();
    const answers = [];
    for (const name of ["a", "b", "c"]) {
      const watch = (await volume.openDirectory(name))._unsafeUnwrap().watch(inotify);
      answers.push(watch.isOk() ? null : watch.error);
    }
    console.log(JSON.stringify(answers));`;
  writeFileSync(scratch.path("script.ts"), script);
  const run = Bun.spawnSync(limited(2, scratch.path("script.ts")), { stdout: "pipe", stderr: "inherit" });
  const [a, b, c] = JSON.parse(run.stdout.toString());
  expect([a, b]).toEqual([null, null]);
  expect(c.reason).toBe("too-many-watches");
  expect(volumeErrorMessage(c)).toBe(`watch ${scratch.path("c")}: too many watches (fs.inotify.max_user_watches is reached)`);
});
