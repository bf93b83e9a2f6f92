/** A replica on another host works as one on this machine does: real ssh, real sshd, nothing of ours at the far end. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  command,
  FAR_FILES,
  FarWorld,
  HARD_FILES,
  MARKER,
  TcpProxy,
  temporaryFiles,
  wholeTest,
} from "../../internal/testing/mod.ts";

wholeTest("an ssh replica gets every file, and a second run copies nothing", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  expect(world.readyReason(world.url)).toBe("Converged");
  expect(existsSync(join(world.path("far"), MARKER))).toBe(true);
  expect(statSync(join(world.copies("far"), "one")).mtime.getTime()).toBe(
    Math.floor(statSync(join(world.data, "one")).mtime.getTime() / 1000) * 1000,
  );
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 } });
});

wholeTest("a changed file replaces its copy, a deleted one stays, a foreign one is not touched", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  await world.expectHealed();
  writeFileSync(join(world.data, "one"), "changed");
  rmSync(join(world.data, "deep/two"));
  // One of three is more than what may be gone at once.
  expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
  writeFileSync(join(world.data, "new"), "ours");
  writeFileSync(join(world.copies("far"), "new"), "theirs");
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(readFileSync(join(world.copies("far"), "one"), "utf8")).toBe("changed");
  expect(readFileSync(join(world.copies("far"), "deep/two"), "utf8")).toBe("22");
  expect(readFileSync(join(world.copies("far"), "new"), "utf8")).toBe("theirs");
  const explained = await world.explain(join(world.data, "new"));
  expect(explained.files[0]?.replicas.find(({ url }) => url === world.url)?.message).toContain("UnknownFileInTheWay");
});

wholeTest("names of every kind, modes and old times cross the way", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(
    { path: "-rf $(id) `x`; 'quoted' \"twice\"", content: "a" },
    { path: "  two spaces\nand a line", content: "b" },
    { path: "Ünïcödé/日本語", content: "c" },
    { path: "deep/mode", content: "d", mode: 0o640 },
    { path: "old", content: "e" },
    { path: "late", content: "f" },
  );
  writeFileSync(Buffer.concat([Buffer.from(`${world.data}/raw-`), Buffer.from([0xff, 0xfe])]), "g");
  command("touch", "-d", "@-1000", join(world.data, "old"));
  command("touch", "-d", "@5000000000", join(world.data, "late"));
  await world.expectHealed();
  expect(statSync(join(world.copies("far"), "deep/mode")).mode & 0o7777).toBe(0o640);
  // SFTP 3 counts from 1970 to 2106: what lies outside is kept at its end, and not copied again.
  expect(statSync(join(world.copies("far"), "old")).mtime.getTime()).toBe(0);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 } });
  const explained = await world.explain(join(world.data, "old"));
  expect(JSON.stringify(explained)).toContain("1970-01-01T00:00:00");
});

/** As SFTP 3 can keep it: whole seconds from 1970 to 2106. */
const asSftpKeeps = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([path, file]) => [
      path,
      file.replace(/mtime (-?\d+)/, (_all, nanoseconds: string) => {
        const seconds = BigInt.asIntN(64, BigInt(nanoseconds)) / 1_000_000_000n;
        const floor = BigInt(nanoseconds) < 0n ? 0n : seconds;
        return `mtime ${(floor > 0xffff_ffffn ? 0xffff_ffffn : floor) * 1_000_000_000n}`;
      }),
    ]),
  );

wholeTest("everything that is hard to copy locally comes through ssh as well", ["sshd", "root"], async () => {
  using world = await FarWorld.begin();
  world.declare({ replicas: [world.url], replicaKeys: { [world.url]: { ssh_options: world.server.options() } } });
  world.files(...HARD_FILES, { path: "sparse", size: 50 << 20, sparse: true, seed: 4 });
  world.files({ path: "group/inner/file", content: "x" }, { path: "group", kind: "directory", mode: 0o2770 });
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(world.copiedFiles("far")).toEqual(asSftpKeeps(world.originFiles()));
  const copies = world.tree(world.copies("far"));
  expect(copies.get("group")).toMatchObject({ kind: "directory", mode: 0o2770 });
  expect(copies.get("sparse")?.allocated).toBeLessThan(1 << 20);
  expect(temporaryFiles(world.path("far"))).toEqual([]);
  expect(await world.syncSummary()).toMatchObject({ code: 0, copied: { files: 0 }, adopted: { files: 0 }, failed: { files: 0 } });
});

wholeTest("it works where only sftp is allowed, with a restricted key", ["sshd"], async () => {
  using world = await FarWorld.begin({
    lines: ["ForceCommand internal-sftp"],
    subsystem: "internal-sftp",
    keyOptions: "restrict",
  });
  world.files(...FAR_FILES);
  await world.expectHealed();
});

wholeTest("it works in a chroot", ["sshd", "root"], async () => {
  using world = await FarWorld.begin({
    lines: ["ForceCommand internal-sftp", "ChrootDirectory /srv/xtelemdb-chroot"],
    subsystem: "internal-sftp",
  });
  // sshd wants every folder above to be root's: the scratch folder's may be anybody's.
  mkdirSync("/srv/xtelemdb-chroot", { recursive: true });
  try {
    mkdirSync("/srv/xtelemdb-chroot/copies", { recursive: true });
    const url = "ssh://127.0.0.1//copies/";
    world.declare({ replicas: [url], replicaKeys: { [url]: { ssh_options: world.server.options() } } });
    world.files(...FAR_FILES);
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    command("diff", "-r", world.data, `/srv/xtelemdb-chroot/copies/exao1${world.data}`);
  } finally {
    rmSync("/srv/xtelemdb-chroot", { recursive: true });
  }
});

wholeTest("it works through a jump host, as the operator's configuration says", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.files(...FAR_FILES);
  const key = world.server.options();
  const jump = `ssh ${key.map((option) => `-o${option}`).join(" ")} -W 127.0.0.1:${world.server.port} 127.0.0.1`;
  world.reach([`ProxyCommand=${jump}`, ...key]);
  await world.expectHealed();
});

wholeTest("a path that a shell would run, or take for an option, is a path", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const strange = world.path("-rf $(touch pwned) `touch pwned`; touch pwned 'x");
  mkdirSync(strange);
  const url = `ssh://127.0.0.1/${strange}/`;
  world.declare({ replicas: [url], replicaKeys: { [url]: { ssh_options: world.server.options() } } });
  world.files(...FAR_FILES);
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  command("diff", "-r", world.data, `${strange}/exao1${world.data}`);
  expect(command("find", world.folder, "-name", "pwned")).toBe("");
});

wholeTest("a long way of 100 ms changes nothing but the time", ["sshd"], async () => {
  using world = await FarWorld.begin();
  const proxy = await TcpProxy.start(world.server.port);
  proxy.weather = { delayMilliseconds: 50 };
  world.reach([`Port=${proxy.port}`, ...world.server.options()]);
  const many = Array.from({ length: 300 }, (_, index) => ({ path: `many/${index % 7}/${index}`, content: `${index}` }));
  world.files(...FAR_FILES, ...many, { path: "large", content: "x".repeat(5 << 20) });
  await world.expectHealed();
  proxy.stop();
});

wholeTest("add_replica looks at the far root at once, and says what is wrong with it", ["sshd"], async () => {
  using world = await FarWorld.begin();
  world.declare({ replicas: [] });
  // The operator's own ssh finds nobody under this name.
  const outcome = await world.run("add_replica", "host=xtelemdb-test.invalid", "prefix=copies/");
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(outcome.stdout).toContain("not ready yet: connect to ssh://xtelemdb-test.invalid/copies");
});
