/** Origins that cannot be read, or that change, grow or vanish under the copy. */
import { expect } from "bun:test";
import { appendFileSync, chmodSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { command, temporaryFiles, until, World, wholeTest } from "../../internal/testing/mod.ts";

/** The program as a user to whom permissions apply. */
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** A world whose agent is not root, though the test is. */
function ofNobody(world: World): World {
  command("chown", "-R", "65534:65534", world.folder);
  world.runWith({ wrapper: NOBODY });
  return world;
}

const scanned = (world: World, index = 0) => world.statusFromFile()?.hosts[0]?.dataDirectories[index];

wholeTest("an unreadable directory is named, its rows stay, and everything else is done", ["setpriv"], async () => {
  using world = new World();
  world.files(
    { path: "open/one", content: "1" },
    { path: "secret/two", content: "2" },
    { path: "secret/in/three", content: "3" },
  );
  ofNobody(world);
  expect(await world.sync()).toMatchObject({ code: 0 });
  const secret = `${world.data}/secret`;
  chmodSync(secret, 0);
  appendFileSync(`${world.data}/open/one`, " more");
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(await Bun.file(`${world.copies()}/open/one`).text()).toBe("1 more");
  const status = scanned(world);
  expect(status).toMatchObject({ settled: { files: 3 }, absent: { files: 0 } });
  expect(status?.conditions).toMatchObject([{ type: "Scanned", status: "False", reason: "PartlyUnreadable" }]);
  expect(status?.scan?.problems).toMatchObject([{ path: secret, message: expect.stringContaining(secret) }]);
  expect(outcome.stdout).toContain(secret);
  const known = { state: "settled", unseen: { message: expect.stringContaining(secret) }, replicas: [{ state: "current" }] };
  expect((await world.explain(`${secret}/two`)).files[0]).toMatchObject(known);
  const explained = await world.run("explain", `${secret}/two`);
  expect(explained).toMatchObject({ code: 3, stdout: expect.stringContaining("not seen by the last scan") });
  expect((await world.explain(`${world.data}/open/one`)).files[0]?.unseen).toBeNull();
  expect(await world.run("scan")).toMatchObject({ code: 3 });
  chmodSync(secret, 0o755);
  expect(await world.sync()).toMatchObject({ code: 0 });
});

wholeTest("an unreadable file is named with its reason, and the others are copied", ["setpriv"], async () => {
  using world = new World();
  world.files({ path: "a", content: "1" }, { path: "b", content: "2", mode: 0 }, { path: "c", content: "3" });
  ofNobody(world);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(Object.keys(world.copiedFiles())).toEqual(["a", "c"]);
  expect(world.replicaStatus().lastError).toMatchObject({ path: `${world.data}/b`, reason: "SourceUnreadable" });
  chmodSync(`${world.data}/b`, 0o400);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("an agent that is not root keeps what it may: contents, modes and times", ["setpriv"], async () => {
  using world = new World();
  world.files({ path: "read-only", content: "x", mode: 0o444 }, { path: "folder/private", content: "y", mode: 0o600 });
  world.files({ path: "folder", kind: "directory", mode: 0o555 });
  ofNobody(world);
  command("chown", "0:0", `${world.data}/read-only`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  appendFileSync(`${world.data}/folder/private`, " more");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a replica that the agent may not write to says so, and the other is complete", ["setpriv"], async () => {
  using world = new World({ replicas: ["backup", "other"] });
  world.files({ path: "a", content: "1" });
  ofNobody(world);
  expect(await world.sync()).toMatchObject({ code: 0 });
  command("chown", "-R", "0:0", world.path("backup"));
  world.files({ path: "b", content: "2" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.copiedFiles("other")).toEqual(world.originFiles());
  expect(world.replicaStatus().lastError).toMatchObject({ path: `${world.data}/b`, reason: "NotPermitted" });
  command("chown", "-R", "65534:65534", world.path("backup"));
  expect(await world.sync()).toMatchObject({ code: 0 });
});

wholeTest("a data directory that is missing is named, nothing is taken as deleted, and the others are done", [], async () => {
  using world = new World({ hosts: { exao1: ["data", "more"] } });
  world.files({ path: "a", content: "1" });
  await Bun.write(world.path("more/b"), "2");
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(world.data, world.path("unmounted"));
  await Bun.write(world.path("more/c"), "3");
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(Object.keys(world.copiedFiles("backup", "more"))).toEqual(["b", "c"]);
  expect(scanned(world)).toMatchObject({ settled: { files: 1 }, absent: { files: 0 } });
  expect(scanned(world)?.conditions).toMatchObject([{ type: "Scanned", status: "False", reason: "DataDirectoryMissing" }]);
  renameSync(world.path("unmounted"), world.data);
  expect(await world.sync()).toMatchObject({ code: 0 });
});

wholeTest("an I/O error while a directory is listed turns nothing into absent", ["strace"], async () => {
  using world = new World();
  world.files({ path: "good/a", content: "1" }, { path: "bad/b", content: "2" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const outcome = await world.traced(["sync"], { inject: ["getdents64:error=EIO"], paths: [`${world.data}/bad`] });
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(scanned(world)).toMatchObject({ settled: { files: 2 }, absent: { files: 0 } });
  expect(scanned(world)?.scan?.problems).toMatchObject([{ path: `${world.data}/bad` }]);
  expect(await world.sync()).toMatchObject({ code: 0 });
});

wholeTest("an I/O error while a source is read fails that file alone", ["strace"], async () => {
  using world = new World();
  world.files({ path: "a", content: "1" }, { path: "bad", size: 3 << 20 }, { path: "c", content: "3" });
  const fault = { inject: ["pread64:error=EIO:when=2+"], paths: [`${world.data}/bad`] };
  expect(await world.traced(["sync"], fault)).toMatchObject({ code: 3 });
  expect(Object.keys(world.copiedFiles())).toEqual(["a", "c"]);
  expect(world.replicaStatus().lastError).toMatchObject({ path: `${world.data}/bad`, reason: "SourceUnreadable" });
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

/** Slows the reading of one source down, does something once the copy of it has begun, and waits for the end. */
async function whileCopying(world: World, name: string, disturb: () => void) {
  const slow = { inject: ["pread64:delay_enter=800000:when=2..4"], paths: [`${world.data}/${name}`] };
  const running = world.startTraced(["sync"], slow);
  // The marker is written by way of a temporary file, too.
  await until("the copy has begun", () => temporaryFiles(world.path("backup")).some((path) => path.includes("data/")));
  disturb();
  return running.ended;
}

for (const [what, change] of [
  ["is appended to", (path: string) => appendFileSync(path, "more")],
  ["is cut short", (path: string) => command("truncate", "-s", "100", path)],
  [
    "changes and keeps its size and modification time",
    (path: string) =>
      command(
        "sh",
        "-c",
        'touch -r "$1" "$1.time" && printf x | dd of="$1" conv=notrunc 2>&1 && touch -r "$1.time" "$1"',
        "sh",
        path,
      ),
  ],
  [
    "is replaced by another file",
    (path: string) => {
      writeFileSync(`${path}.new`, "another one");
      renameSync(`${path}.new`, path);
    },
  ],
] as const) {
  wholeTest(`a source that ${what} while it is copied is not published, and is copied by the next sync`, ["strace"], async () => {
    using world = new World();
    world.files({ path: "busy", size: 4 << 20, seed: 1 }, { path: "quiet", content: "q" });
    const outcome = await whileCopying(world, "busy", () => change(`${world.data}/busy`));
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    expect(Object.keys(world.copiedFiles())).toEqual(["quiet"]);
    expect(temporaryFiles(world.path("backup"))).toEqual([]);
    expect(world.readyReason()).toBe("FilesGrowing");
    expect(outcome.stdout).toContain(`${world.data}/busy`);
    const explained = (await world.explain(`${world.data}/busy`)).files[0];
    expect(explained).toMatchObject({ state: "growing", replicas: [{ pending: true, attempts: { reason: "SourceChanged" } }] });
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(world.copiedFiles()).toEqual(world.originFiles());
  });
}

wholeTest("a new version of a source that changes while it is copied leaves the old copy as it is", ["strace"], async () => {
  using world = new World();
  world.files({ path: "busy", size: 4 << 20, seed: 1 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.copiedFiles();
  world.files({ path: "busy", size: 4 << 20, seed: 2 });
  await whileCopying(world, "busy", () => appendFileSync(`${world.data}/busy`, "more"));
  expect(world.copiedFiles()).toEqual(before);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("a source that vanishes between the scan and the copy is a reason, not an end", ["strace"], async () => {
  using world = new World();
  world.files({ path: "victim", content: "v" }, { path: "other/file", content: "o" }, { path: "x", content: "x" });
  const slow = { inject: ["openat:delay_enter=1500000"], paths: ["victim"] };
  const running = world.startTraced(["sync"], slow);
  await until("the scan is over", () => {
    const status = world.statusFromFile();
    return status?.agent.phase === "copying";
  });
  rmSync(`${world.data}/victim`);
  const outcome = await running.ended;
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(Object.keys(world.copiedFiles())).toEqual(["other/file", "x"]);
  expect(world.replicaStatus().lastError).toMatchObject({ path: `${world.data}/victim`, reason: "SourceVanished" });
  // One of three is more than the share that may vanish at once.
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(existsSync(`${world.copies()}/victim`)).toBe(false);
  expect((await world.explain(`${world.data}/victim`)).files[0]).toMatchObject({ state: "absent" });
});

wholeTest("a data directory that is emptied while it is scanned loses nothing", [], async () => {
  using world = new World({ scan: { max_loss: "0%" } });
  world.files(...Array.from({ length: 200 }, (_, index) => ({ path: `d${index % 20}/${index}`, content: String(index) })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  const before = world.copiedFiles();
  const running = world.start("sync");
  rmSync(world.data, { recursive: true });
  await running.ended;
  expect(world.copiedFiles()).toEqual(before);
  expect(scanned(world)).toMatchObject({ absent: { files: 0 } });
});

wholeTest("a failed flush fails the copies that rested on it, and the next sync copies them", ["strace"], async () => {
  using world = new World();
  world.files(...Array.from({ length: 20 }, (_, index) => ({ path: `${index}`, content: String(index) })));
  const outcome = await world.traced(["sync"], { inject: ["syncfs:error=EIO"] });
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(world.replicaStatus()).toMatchObject({ current: { files: 0 }, failed: { files: 20 } });
  expect(world.replicaStatus().lastError).toMatchObject({ reason: "ReplicaFailed" });
  expect(Object.keys(world.copiedFiles())).toEqual([]);
  expect(temporaryFiles(world.path("backup"))).toEqual([]);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest("what is known of a file whose data directory is away is said to be from before", [], async () => {
  using world = new World();
  world.files({ path: "one", content: "1" });
  expect(await world.sync()).toMatchObject({ code: 0 });
  renameSync(world.data, world.path("away"));
  expect(await world.sync()).toMatchObject({ code: 3 });
  const unseen = { message: expect.stringContaining(world.data), help: expect.stringContaining("mounted") };
  expect((await world.explain(`${world.data}/one`)).files[0]).toMatchObject({ unseen, replicas: [{ state: "current" }] });
  expect((await world.explain(`${world.data}/never`)).unknown?.message).toContain("it could not be seen");
  renameSync(world.path("away"), world.data);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect((await world.explain(`${world.data}/one`)).files[0]?.unseen).toBeNull();
});
