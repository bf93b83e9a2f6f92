/** The work items over ssh: a real sshd on 127.0.0.1, behind a proxy that delays, and rsync over the same ssh. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, SshServer } from "../internal/testing/mod.ts";
import type { Bench, Contender } from "./bench-measure.ts";
import { count, makeLargeFiles, makeSmallFiles, own } from "./bench-trees.ts";

interface Line {
  /** What ssh finds it by. */
  readonly host: string;
  readonly name: string;
  /** Both ways together. */
  readonly delayMilliseconds: number;
  /** Of each connection, each way. */
  readonly windowBytes?: number;
}

const LOOPBACK: Line = { host: "far0", name: "loopback", delayMilliseconds: 0 };
const NEAR: Line = { host: "far20", name: "20 ms", delayMilliseconds: 20 };
const AWAY: Line = { host: "far100", name: "100 ms", delayMilliseconds: 100 };
/** As a host with default buffers is met over a long way: one connection alone cannot fill it. */
const NARROW: Line = {
  host: "far20narrow",
  name: "20 ms, a window of 512 KiB (26 MB/s) a connection",
  delayMilliseconds: 20,
  windowBytes: 512 << 10,
};
const LINES = [LOOPBACK, NEAR, AWAY, NARROW];

/** Starts sshd, and a proxy for each line; ssh finds each under its name. All of it ends with the work. */
async function withLines(bench: Bench, action: () => void): Promise<void> {
  const server = await SshServer.start(bench.path("sshd"));
  const proxies: ReturnType<typeof Bun.spawn>[] = [];
  const hosts: string[] = [];
  for (const { host, delayMilliseconds, windowBytes = 0 } of LINES) {
    let port = server.port;
    if (delayMilliseconds > 0) {
      const script = join(import.meta.dir, "bench-proxy.ts");
      const given = [port, delayMilliseconds / 2, windowBytes].map(String);
      const proxy = Bun.spawn([process.execPath, script, ...given], { stdout: "pipe" });
      proxies.push(proxy);
      const { value } = await proxy.stdout.getReader().read();
      port = Number(new TextDecoder().decode(value));
    }
    hosts.push(`Host ${host}`, "  HostName 127.0.0.1", ...server.options(port).map((option) => `  ${option.replace("=", " ")}`));
  }
  const configuration = bench.path("ssh_config");
  const ssh = bench.path("ssh");
  writeFileSync(configuration, `${hosts.join("\n")}\n`);
  writeFileSync(ssh, `#!/bin/sh\nexec ssh -F ${configuration} "$@"\n`, { mode: 0o755 });
  process.env.XTELEMDB_SSH = ssh;
  try {
    action();
  } finally {
    for (const proxy of proxies) proxy.kill();
    server.stop();
  }
}

/** The program and rsync copy the same tree over a line, each to a new folder. */
function copyOver(bench: Bench, work: string, tree: string, { host, name }: Line, keepOld: boolean): void {
  const replica = bench.path("far-replica");
  const target = bench.path("far-target");
  const url = `ssh://${host}/${replica}`;
  const old = bench.path("far-old");
  mkdirSync(old);
  let moved = 0;
  const putAway = (path: string): void => {
    // Inodes that were just freed are avoided by ext4, at a cost: small files are removed at the end. Large ones take too much room for that.
    if (existsSync(path) && keepOld) renameSync(path, join(old, String(++moved)));
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
  };
  const prepare = (): void => {
    putAway(replica);
    bench.forget();
    bench.declare(tree, [url]);
  };
  const fresh = (): void => putAway(target);
  const rsync = (...options: string[]): Contender => ({
    name: ["rsync", ...options].join(" "),
    command: ["rsync", ...options, "-e", bench.path("ssh"), `${tree}/`, `${host}:${target}/`],
    prepare: fresh,
  });
  // The program's copies are durable at the end; those of rsync are so with --fsync only.
  const peers = keepOld ? [rsync("-a"), rsync("-a", "--fsync")] : [rsync("-a")];
  bench.measure(`${work}, ${name}`, { ...own("sync"), prepare }, peers);
  command("diff", "-r", tree, `${replica}/bench${tree}`);
  for (const path of [replica, target, old]) rmSync(path, { recursive: true });
}

function small(bench: Bench, scale: number): void {
  const tree = bench.path("tree");
  const files = 10_000 * scale;
  makeSmallFiles(tree, files, Math.max(1, files / 500), () => 4096);
  for (const line of [LOOPBACK, NEAR, AWAY]) {
    copyOver(bench, `ssh: first sync of ${count(files)} files of 4 KiB`, tree, line, true);
  }
  rmSync(tree, { recursive: true });
}

function large(bench: Bench, scale: number): void {
  const tree = bench.path("tree");
  makeLargeFiles(tree, 1, 2 ** 32 * scale);
  copyOver(bench, `ssh: first sync of one file of ${Math.round(4096 * scale)} MiB`, tree, LOOPBACK, false);
  rmSync(tree, { recursive: true });
}

function narrow(bench: Bench, scale: number): void {
  const tree = bench.path("tree");
  makeLargeFiles(tree, 20, (200 << 20) * scale);
  copyOver(bench, `ssh: first sync of 20 files of ${Math.round(200 * scale)} MiB`, tree, NARROW, false);
  rmSync(tree, { recursive: true });
}

/** A run that finds nothing to do. */
function unchanged(bench: Bench, scale: number): void {
  const tree = bench.path("tree");
  const files = 100_000 * scale;
  const replica = bench.path("far-replica");
  mkdirSync(replica);
  makeSmallFiles(tree, files, Math.max(1, files / 500), () => 0);
  bench.forget();
  bench.declare(tree, [`ssh://${LOOPBACK.host}/${replica}`]);
  bench.must([...own("sync").command]);
  const rsync: Contender = {
    name: "rsync -a",
    command: ["rsync", "-a", "-e", bench.path("ssh"), `${tree}/`, `${LOOPBACK.host}:${replica}/bench${tree}/`],
  };
  bench.measure(`ssh: no-change sync of ${count(files)} files`, own("sync"), [rsync]);
  for (const path of [tree, replica]) rmSync(path, { recursive: true });
  bench.forget();
}

const overLines =
  (work: (bench: Bench, scale: number) => void) =>
  (bench: Bench, scale: number): Promise<void> =>
    withLines(bench, () => work(bench, scale));

export const SSH_WORKS = {
  "ssh-small": overLines(small),
  "ssh-large": overLines(large),
  "ssh-narrow": overLines(narrow),
  "ssh-unchanged": overLines(unchanged),
} as const;
