/** Copies that rot, go, are edited or touched are found, judged once, and repaired; what is not ours, or not there, is left alone. */
import { expect } from "bun:test";
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { VerifySummary } from "../../internal/agent/mod.ts";
import {
  command,
  FAR_FILES,
  FarWorld,
  HOST,
  inventoryExecute,
  inventoryIntegrity,
  jsonOf,
  mountMemory,
  python,
  until,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

/** Changes one bit, and leaves size and modification time as they were. */
function flipBit(path: string): void {
  const script = `
import os, sys
stat = os.stat(sys.argv[1])
with open(sys.argv[1], "r+b") as file:
    first = file.read(1); file.seek(0); file.write(bytes([first[0] ^ 1]))
os.utime(sys.argv[1], ns=(stat.st_atime_ns, stat.st_mtime_ns))
`;
  command(...python(script, path));
}

async function verify(world: World, ...given: string[]): Promise<VerifySummary & { readonly code: number | null }> {
  const outcome = await world.run("verify", "--json", ...given);
  return { ...jsonOf<VerifySummary>(outcome), code: outcome.code };
}

const FILES = [
  { path: "one", content: "first" },
  { path: "deep/two", content: "second" },
  { path: "deep/empty", content: "" },
];

async function synced(files = FILES, replicas = ["backup"]): Promise<World> {
  const world = new World({ replicas });
  world.files(...files);
  expect(await world.sync()).toMatchObject({ code: 0 });
  return world;
}

wholeTest("good copies are read back, and their evidence is recorded", [], async () => {
  using world = await synced();
  const first = await verify(world);
  expect(first).toMatchObject({ code: 0, outcome: "good" });
  expect(first.replicas).toMatchObject([{ complete: true, read: { files: 3 }, standing: 0, dark: { files: 0 } }]);
  const replica = (await world.explain(`${world.data}/one`)).files[0]?.replicas[0];
  expect(replica?.verifiedAt).not.toBeNull();
  expect(world.replicaStatus().conditions.find(({ type }) => type === "Verified")).toMatchObject({ status: "True" });
  // A new copy has no evidence but that of its making.
  appendFileSync(`${world.data}/one`, " more");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect((await world.explain(`${world.data}/one`)).files[0]?.replicas[0]?.verifiedAt).toBeNull();
});

wholeTest("a flipped bit with size and time intact is found, stays found, and is repaired", [], async () => {
  using world = await synced();
  const copy = `${world.copies()}/one`;
  flipBit(copy);
  expect(await verify(world, "level=metadata")).toMatchObject({ code: 0 });
  const found = await verify(world);
  expect(found).toMatchObject({ code: 3, outcome: "findings" });
  const [finding] = found.replicas[0]?.findings ?? [];
  expect(finding).toMatchObject({ host: HOST, path: `${world.data}/one`, state: "corrupt" });
  expect(finding?.expected).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(finding?.found).not.toBe(finding?.expected ?? null);
  expect(world.replicaStatus()).toMatchObject({ verification: { findings: { corrupt: 1 } }, pending: { files: 1 } });
  // The verdict is not taken back by another look, and is not written again.
  const again = await verify(world);
  expect(again).toMatchObject({ code: 3, replicas: [{ standing: 1, found: { corrupt: 0 } }] });
  const table = await world.run("verify", "level=listed");
  expect(table.stdout).toContain(finding?.expected?.slice(7) ?? "?");
  expect(table.stdout).toContain(finding?.found?.slice(7) ?? "?");
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 1 } });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(await verify(world)).toMatchObject({ code: 0, replicas: [{ standing: 0 }] });
  expect(inventoryIntegrity(world.database)).toBe("ok");
});

wholeTest("a flipped bit behind sftp is found and repaired", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  flipBit(join(world.copies("far"), "deep/two"));
  const found = await verify(world, `prefix=${world.url}`);
  expect(found).toMatchObject({ code: 3, replicas: [{ url: world.url, read: { files: 2 }, found: { corrupt: 1 } }] });
  await world.expectHealed();
  expect(await verify(world)).toMatchObject({ code: 0 });
  rmSync(join(world.copies("far"), "one"));
  writeFileSync(join(world.copies("far"), "nobody's"), "x");
  expect(await verify(world, "level=listed")).toMatchObject({ code: 3 });
  await world.run("sync");
  expect(readFileSync(join(world.copies("far"), "one"), "utf8")).toBe("1");
  expect(await verify(world)).toMatchObject({ code: 0, replicas: [{}, { dark: { files: 1 } }] });
});

wholeTest("a copy that is gone is lost, and is copied again; one that was edited is suspect, and left alone", [], async () => {
  using world = await synced();
  rmSync(`${world.copies()}/one`);
  appendFileSync(`${world.copies()}/deep/two`, "!");
  const found = await verify(world, "level=metadata");
  const states = found.replicas[0]?.findings.map(({ path, state }) => `${path.slice(world.data.length)} ${state}`);
  expect(states?.toSorted()).toEqual(["/deep/two suspect", "/one lost"]);
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(readFileSync(`${world.copies()}/one`, "utf8")).toBe("first");
  expect(readFileSync(`${world.copies()}/deep/two`, "utf8")).toBe("second!");
  expect(world.replicaStatus().failures).toMatchObject([{ reason: "EditedAtReplica" }]);
  renameSync(`${world.copies()}/deep/two`, `${world.path("aside")}`);
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(await verify(world)).toMatchObject({ code: 0 });
});

/** `one` is gone at its origin, and its only copy is wrong. */
async function onlyCopy(): Promise<{ readonly world: World; readonly copy: string }> {
  const world = await synced();
  rmSync(`${world.data}/one`);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  return { world, copy: `${world.copies()}/one` };
}

wholeTest("the only copy, behind a link for a moment, is taken back by its contents and nothing less", [], async () => {
  const { world, copy } = await onlyCopy();
  using _ended = world;
  renameSync(world.copies(), world.path("aside"));
  symlinkSync(world.path("aside"), world.copies());
  expect(await verify(world, "level=metadata")).toMatchObject({ code: 3, replicas: [{ found: { suspect: 3 } }] });
  rmSync(world.copies());
  renameSync(world.path("aside"), world.copies());
  expect(await world.run("restore", "dry_run=true", `path=${world.data}/one`)).toMatchObject({ code: 3 });
  const told = await explained(world, "one");
  expect(told).toMatchObject({ state: "suspect", pending: true });
  expect(told?.help).toContain(`"xtelemdb verify prefix=${world.path("backup")}" takes the verdict back`);
  // Size and time, and what stands there, take nothing back.
  for (const level of ["listed", "metadata"]) {
    expect(await verify(world, `level=${level}`)).toMatchObject({ code: 3, replicas: [{ standing: 3, takenBack: 0 }] });
  }
  const back = await verify(world);
  expect(back).toMatchObject({ code: 0, outcome: "good", replicas: [{ standing: 0, takenBack: 3, read: { files: 3 } }] });
  expect(await explained(world, "one")).toMatchObject({ state: "current", pending: false, finding: null, attempts: null });
  expect(inventoryExecute(world.database, "select count(*) from finding")).toBe("0");
  expect(await world.run("inventory", "check")).toMatchObject({ code: 0 });
  // What the replica itself tells of it is the same, and an import leaves it so.
  expect(await world.sync()).toMatchObject({ code: 0 });
  const manifests = command("sh", "-c", `cat ${world.path("backup")}/.xtelemdb-manifest/${HOST}/*`);
  expect(manifests).not.toContain("suspect");
  expect(await world.run("import_origins")).toMatchObject({ code: 0 });
  expect(await verify(world)).toMatchObject({ code: 0, replicas: [{ takenBack: 0 }] });
  expect(await world.run("restore", `path=${world.data}/one`)).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.data}/one`, "utf8")).toBe("first");
  expect(existsSync(copy)).toBe(true);
});

wholeTest("a copy that was edited and put back, or rotted and reads well again, is taken back; another is not", [], async () => {
  const { world, copy } = await onlyCopy();
  using _ended = world;
  const two = `${world.copies()}/deep/two`;
  command("cp", "-p", copy, world.path("aside"));
  writeFileSync(copy, "FIRST");
  flipBit(two);
  expect(await verify(world)).toMatchObject({ code: 3, replicas: [{ found: { suspect: 1, corrupt: 1 } }] });
  // The same size and time, and other contents.
  command("touch", "-r", world.path("aside"), copy);
  expect(await verify(world)).toMatchObject({ code: 3, replicas: [{ standing: 2, takenBack: 0, found: { corrupt: 0 } }] });
  expect(await explained(world, "one")).toMatchObject({ state: "suspect" });
  command("cp", "-p", world.path("aside"), copy);
  flipBit(two);
  const text = await world.run("verify");
  expect(text).toMatchObject({ code: 0 });
  expect(text.stdout).toContain("2 that were found wrong before are what was recorded again");
  expect(await explained(world, "one")).toMatchObject({ state: "current" });
  expect(await explained(world, "deep/two")).toMatchObject({ state: "current", pending: false });
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
});

wholeTest("a copy that was edited, refused to sync and was put back leaves no attempt behind", [], async () => {
  using world = await synced();
  const copy = `${world.copies()}/one`;
  command("cp", "-p", copy, world.path("aside"));
  appendFileSync(copy, "!");
  expect(await verify(world)).toMatchObject({ code: 3 });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect((await explained(world, "one"))?.help).toContain("takes the verdict back");
  command("cp", "-p", world.path("aside"), copy);
  expect(await verify(world)).toMatchObject({ code: 0, replicas: [{ takenBack: 1 }] });
  expect(inventoryExecute(world.database, "select count(*) from attempt")).toBe("0");
  expect(world.replicaStatus()).toMatchObject({ pending: { files: 0 }, failures: [] });
  expect(await world.run("inventory", "check")).toMatchObject({ code: 0 });
});

wholeTest("a suspect copy whose digest nobody knows stays suspect", [], async () => {
  const { world, copy } = await onlyCopy();
  using _ended = world;
  command("cp", "-p", copy, world.path("aside"));
  appendFileSync(copy, "!");
  expect(await verify(world)).toMatchObject({ code: 3 });
  command("cp", "-p", world.path("aside"), copy);
  inventoryExecute(world.database, "update file_replica set digest = null, digest_algorithm = null where state = 3");
  expect(await verify(world)).toMatchObject({ code: 3, replicas: [{ standing: 1, takenBack: 0, read: { files: 2 } }] });
  expect((await explained(world, "one"))?.help).not.toContain("takes the verdict back");
});

wholeTest("the agent's own round takes a copy back that is again what was recorded", [], async () => {
  const { world, copy } = await onlyCopy();
  using _ended = world;
  command("cp", "-p", copy, world.path("aside"));
  appendFileSync(copy, "!");
  expect(await verify(world)).toMatchObject({ code: 3 });
  command("cp", "-p", world.path("aside"), copy);
  inventoryExecute(world.database, "update replica set scrub_begun_at = null, scrub_whole_since = null");
  world.declare({ verify: { every: "30d" } });
  const running = world.start("sync", "continuous=true");
  await until("it is taken back", () => world.replicaStatus().verification?.findings.suspect === 0);
  running.signal("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
  expect(await explained(world, "one")).toMatchObject({ state: "current", attempts: null });
});

wholeTest("a copy that was only touched keeps its state, and can still be replaced", [], async () => {
  using world = await synced();
  utimesSync(`${world.copies()}/one`, 1_000, 1_000);
  expect(await verify(world, "level=metadata")).toMatchObject({ code: 0, replicas: [{ timesMoved: 1, standing: 0 }] });
  expect(await verify(world)).toMatchObject({ code: 0, replicas: [{ timesMoved: 0 }] });
  appendFileSync(`${world.data}/one`, " more");
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.copies()}/one`, "utf8")).toBe("first more");
});

wholeTest("a copy whose origin is gone is repaired from another replica", [], async () => {
  using world = await synced(FILES, ["backup", "other"]);
  rmSync(`${world.data}/one`);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  flipBit(`${world.copies()}/one`);
  rmSync(`${world.copies("other")}/deep/empty`);
  expect(await verify(world)).toMatchObject({ code: 3 });
  expect(await world.plan()).toMatchObject({ converged: false });
  expect(await world.sync()).toMatchObject({ code: 0 });
  expect(readFileSync(`${world.copies()}/one`, "utf8")).toBe("first");
  expect(statSync(`${world.copies()}/one`).mtimeMs).toBe(statSync(`${world.copies("other")}/one`).mtimeMs);
  expect(await verify(world)).toMatchObject({ code: 0 });
});

wholeTest("where no copy is right, nothing is published", [], async () => {
  using world = await synced(FILES, ["backup", "other"]);
  rmSync(`${world.data}/one`);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  for (const replica of ["backup", "other"]) flipBit(`${world.copies(replica)}/one`);
  const before = readFileSync(`${world.copies()}/one`, "utf8");
  expect(await verify(world)).toMatchObject({ code: 3, replicas: [{ standing: 1 }, { standing: 1 }] });
  await world.sync();
  expect(readFileSync(`${world.copies()}/one`, "utf8")).toBe(before);
  expect(await verify(world)).toMatchObject({ code: 3, replicas: [{ standing: 1 }, { standing: 1 }] });
});

/** What is said of a file at a replica. */
const explained = async (world: World, name: string, replica = "backup") =>
  (await world.explain(`${world.data}/${name}`)).files[0]?.replicas.find(({ url }) => url === world.path(replica));

wholeTest("a wrong copy that nothing can be made anew of says what was looked at, and what to do", [], async () => {
  using world = await synced(FILES, ["backup", "other"]);
  rmSync(`${world.data}/one`);
  rmSync(`${world.data}/deep/two`);
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  flipBit(`${world.copies()}/one`);
  flipBit(`${world.copies("other")}/one`);
  rmSync(`${world.copies()}/deep/two`);
  expect(await verify(world)).toMatchObject({ code: 3 });
  renameSync(world.path("other"), world.path("away"));
  expect(await world.sync()).toMatchObject({ code: 3 });

  const nowhere = await explained(world, "one");
  expect(nowhere).toMatchObject({ state: "corrupt", pending: true, nextTry: null });
  expect(nowhere?.message).toContain("the copy is corrupt, and its origin is gone");
  expect(nowhere?.message).toContain(`no good copy can be had: ${world.path("other")} has one that is corrupt, too`);
  expect(nowhere?.help).toContain("accept that its contents are lost");
  expect(await world.run("explain", `${world.data}/one`)).toMatchObject({ code: 3 });

  const elsewhere = await explained(world, "deep/two");
  expect(elsewhere).toMatchObject({ state: "lost", pending: true });
  expect(elsewhere?.message).toContain(`${world.path("other")} has one, and is not there (RootMissing)`);
  expect(elsewhere?.help).toContain(`bring back ${world.path("other")}`);
  expect((await explained(world, "deep/empty"))?.pending).toBe(false);

  // One that is not declared any more is named, too; a copy that is not declared is nobody's task.
  world.declare({ replicas: ["backup"] });
  await world.sync();
  expect((await explained(world, "deep/two"))?.message).toContain(`${world.path("other")} has one, and is not declared any more`);
  expect(await explained(world, "one", "other")).toMatchObject({ state: "corrupt", pending: false });

  renameSync(world.path("away"), world.path("other"));
  world.declare({ replicas: ["backup", "other"] });
  await world.sync();
  expect(readFileSync(`${world.copies()}/deep/two`, "utf8")).toBe("second");
  expect(await explained(world, "deep/two")).toMatchObject({ state: "current", pending: false });
  expect((await explained(world, "one"))?.pending).toBe(true);
});

wholeTest("an origin that is not what it was, with a good copy on a disk that is away, says so", [], async () => {
  using world = await synced(FILES, ["backup", "other"]);
  flipBit(`${world.data}/one`);
  flipBit(`${world.copies()}/one`);
  expect(await verify(world)).toMatchObject({ code: 3 });
  renameSync(world.path("other"), world.path("away"));
  expect(await world.sync()).toMatchObject({ code: 3 });
  const replica = await explained(world, "one");
  expect(replica?.message).toMatch(/^SourceDiffersFromDigest: /);
  expect(replica?.message).toContain(
    `the copy is corrupt, and no good one can be had: ${world.path("other")} has one, and is not there`,
  );
  expect(replica?.help).toContain(`bring back ${world.path("other")}`);
  renameSync(world.path("away"), world.path("other"));
  await world.sync();
  expect(readFileSync(`${world.copies()}/one`, "utf8")).toBe("first");
});

wholeTest(
  "an origin that rotted never replaces anything: another replica does, and where there is none it is named",
  [],
  async () => {
    using world = await synced(FILES, ["backup", "other"]);
    flipBit(`${world.data}/one`);
    flipBit(`${world.copies()}/one`);
    rmSync(`${world.copies()}/deep/two`);
    flipBit(`${world.data}/deep/two`);
    flipBit(`${world.copies("other")}/deep/two`);
    expect(await verify(world)).toMatchObject({ code: 3 });
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout).toBe(3);
    expect(readFileSync(`${world.copies()}/one`, "utf8")).toBe("first");
    expect(existsSync(`${world.copies()}/deep/two`)).toBe(false);
    expect(world.replicaStatus().failures).toMatchObject([{ reason: "SourceDiffersFromDigest", files: 1 }]);
  },
);

wholeTest("a disk that is not mounted gives no verdict, and neither does one of which too much is gone", [], async () => {
  using world = new World();
  const volume = mountMemory(world.path("backup"));
  const many = Array.from({ length: 150 }, (_, index) => ({ path: `many/${index}`, content: "x" }));
  world.files(...FILES, ...many);
  expect(await world.sync()).toMatchObject({ code: 0 });
  command("mkdir", world.path("elsewhere"));
  command("mount", "--bind", world.path("backup"), world.path("elsewhere"));
  volume.unmount();
  for (const level of ["listed", "metadata", "content"]) {
    const away = await verify(world, `level=${level}`);
    expect(away).toMatchObject({
      code: 3,
      outcome: "incomplete",
      replicas: [{ problem: { reason: "MarkerMissing" }, standing: 0 }],
    });
  }
  command("mount", "--bind", world.path("elsewhere"), world.path("backup"));
  renameSync(`${world.copies()}/many`, `${world.path("backup")}/aside`);
  const frozen = await verify(world);
  expect(frozen).toMatchObject({ code: 3, replicas: [{ complete: false, problem: { reason: "TooMuchLost" }, standing: 0 }] });
  renameSync(`${world.path("backup")}/aside`, `${world.copies()}/many`);
  expect(await verify(world)).toMatchObject({ code: 0 });
  rmSync(`${world.copies()}/many`, { recursive: true });
  expect(await verify(world, "accept_loss=true")).toMatchObject({ code: 3, replicas: [{ found: { lost: 150 } }] });
  expect(await world.sync()).toMatchObject({ code: 0 });
  command("umount", world.path("backup"));
  command("umount", world.path("elsewhere"));
});

wholeTest("files that nobody knows are counted and named, and not touched", [], async () => {
  using world = await synced();
  writeFileSync(`${world.copies()}/deep/foreign`, "theirs");
  writeFileSync(`${world.path("backup")}/beside`, "not below a host");
  writeFileSync(`${world.copies()}/.xtelemdb-0123456789abcdef.part`, "ours");
  const before = world.tree("backup");
  const found = await verify(world);
  expect(found).toMatchObject({ code: 0, replicas: [{ dark: { files: 1, bytes: 6 } }] });
  expect(found.replicas[0]?.dark?.examples).toEqual([`${HOST}${world.data}/deep/foreign`]);
  expect(world.tree("backup")).toEqual(before);
  expect(await verify(world, `path=${world.data}/one`)).toMatchObject({
    replicas: [{ looked: { files: 1 }, dark: { files: 0 } }],
  });
});

wholeTest("what does not exist is not said to be well; aliases and hosts of before are known", [], async () => {
  using world = new World({ hostKeys: { [HOST]: { aliases: ["aoc"] } } });
  world.files(...FILES);
  expect(await world.sync()).toMatchObject({ code: 0 });
  for (const [given, told] of [
    ["path=/no/such", "nothing is recorded of /no/such\nhelp: check the path"],
    [`path=${world.data}/on`, `nothing is recorded of ${world.data}/on\n`],
    [`path=${world.data}/one/below`, `nothing is recorded of ${world.data}/one/below\n`],
    ["origin_host=nosuch", "nosuch is no declared host\nhelp: "],
  ] as const) {
    const refused = await world.run("verify", given);
    expect(refused, given).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(told) });
  }
  const elsewhere = await world.run("verify", "origin_host=aoc", "path=/no/such");
  expect(elsewhere).toMatchObject({ code: 2, stderr: expect.stringContaining(`nothing is recorded of ${HOST}:/no/such`) });
  expect(await verify(world, "origin_host=aoc")).toMatchObject({ code: 0, replicas: [{ looked: { files: 3 } }] });
  const deep = ["origin_host=aoc", `path=${world.data}/deep/`];
  expect(await verify(world, ...deep)).toMatchObject({ code: 0, replicas: [{ looked: { files: 2 } }] });
  // Not declared any more: its copies are kept, and can be looked at.
  world.makeTree("other", [{ path: "x", content: "x" }]);
  world.declare({ hostname: "exao9", hosts: { exao9: ["other"] } });
  expect(await verify(world, `origin_host=${HOST}`)).toMatchObject({ code: 0, replicas: [{ looked: { files: 3 } }] });
  expect(await verify(world, "origin_host=exao9")).toMatchObject({ code: 0, replicas: [{ looked: { files: 0 } }] });
});

wholeTest("a verify that was killed goes on where it was", [], async () => {
  using world = new World();
  world.files(...Array.from({ length: 2_500 }, (_, index) => ({ path: `many/${index}`, content: "12345678" })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  const killed = world.start("verify", "bandwidth=8kB");
  const position = (): number => Number(inventoryExecute(world.database, "select scrub_position from replica"));
  await until("the first group is committed", () => position() > 0);
  killed.signal("SIGKILL");
  await killed.ended;
  const read = Number(inventoryExecute(world.database, "select scrub_files from replica"));
  expect(read).toBeGreaterThan(0);
  const rest = await verify(world);
  expect(rest).toMatchObject({ code: 0, replicas: [{ read: { files: 2_500 - read }, round: { begunAt: null, files: 2_500 } }] });
  expect(rest.replicas[0]?.round.wholeSince).not.toBeNull();
});

wholeTest("the continuous agent reads copies back and repairs what is wrong", [], async () => {
  using world = await synced();
  flipBit(`${world.copies()}/deep/two`);
  world.declare({ verify: { every: "30d" } });
  const running = world.start("sync", "continuous=true");
  await until("it is repaired", () => readFileSync(`${world.copies()}/deep/two`, "utf8") === "second");
  const status = await until("the round is whole", () => {
    const { verification } = world.replicaStatus();
    return verification?.wholeSince != null && verification.findings.corrupt === 0 ? verification : undefined;
  });
  expect(status).toMatchObject({ promisedSeconds: 30 * 86_400, round: null });
  await until("it says so", () =>
    world
      .replicaStatus()
      .conditions.some(({ type, status: is, reason }) => type === "Verified" && is === "True" && reason === "PromiseKept"),
  );
  running.signal("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});

wholeTest("a promise that the bandwidth cannot keep is named; without a promise nothing is read", [], async () => {
  using world = await synced([{ path: "large", content: "x".repeat(300_000) }]);
  const running = world.start("sync", "continuous=true");
  await until("it has come round", () => world.statusFromFile()?.converged === true && world.replicaStatus().ready);
  expect(world.replicaStatus()).toMatchObject({ verification: { round: null, wholeSince: null, promisedSeconds: null } });
  world.declare({ verify: { every: "1m", bandwidth: "1 kB" } });
  const verified = await until("the condition", () =>
    world.replicaStatus().conditions.find(({ type, reason }) => type === "Verified" && reason === "PromiseTooShort"),
  );
  expect(verified).toMatchObject({ status: "False", message: "5 min needed, 1 min promised" });
  running.signal("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0 });
});
