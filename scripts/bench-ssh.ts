/** The work items over ssh: a real sshd on 127.0.0.1, behind a proxy that delays, and rsync over the same ssh. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, SshServer } from "../internal/testing/mod.ts";
import type { Bench, Contender } from "./bench-measure.ts";
import { count, makeLargeFiles, makeSmallFiles, own } from "./bench-trees.ts";

interface Line {
  readonly name: string;
  /** Both ways together. */
  readonly delayMilliseconds: number;
}

const LINES: readonly Line[] = [
  { name: "loopback", delayMilliseconds: 0 },
  { name: "20 ms", delayMilliseconds: 20 },
  { name: "100 ms", delayMilliseconds: 100 },
];

/** Starts sshd, and a proxy for each line; ssh finds each under its name. All of it ends with the bench. */
async function withLines(bench: Bench, action: () => void): Promise<void> {
  const server = await SshServer.start(bench.path("sshd"));
  const proxies: ReturnType<typeof Bun.spawn>[] = [];
  const hosts: string[] = [];
  for (const { delayMilliseconds } of LINES) {
    let port = server.port;
    if (delayMilliseconds > 0) {
      const script = join(import.meta.dir, "bench-proxy.ts");
      const proxy = Bun.spawn([process.execPath, script, String(port), String(delayMilliseconds / 2)], { stdout: "pipe" });
      proxies.push(proxy);
      const { value } = await proxy.stdout.getReader().read();
      port = Number(new TextDecoder().decode(value));
    }
    hosts.push(
      `Host far${delayMilliseconds}`,
      "  HostName 127.0.0.1",
      ...server.options(port).map((option) => `  ${option.replace("=", " ")}`),
    );
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
function copyOver(bench: Bench, work: string, tree: string, { name, delayMilliseconds }: Line, keepOld: boolean): void {
  const host = `far${delayMilliseconds}`;
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
  bench.measure(`${work}, ${name}`, { ...own("sync"), prepare }, [rsync("-a"), rsync("-a", "--fsync")]);
  command("diff", "-r", tree, `${replica}/bench${tree}`);
  for (const path of [replica, target, old]) rmSync(path, { recursive: true });
}

export const ssh = (bench: Bench, scale: number): Promise<void> =>
  withLines(bench, () => {
    const tree = bench.path("tree");
    const files = 10_000 * scale;
    makeSmallFiles(tree, files, Math.max(1, files / 500), () => 4096);
    for (const line of LINES) copyOver(bench, `ssh: first sync of ${count(files)} files of 4 KiB`, tree, line, true);
    rmSync(tree, { recursive: true });
    const [loopback, near] = LINES;
    if (loopback === undefined || near === undefined) return;
    makeLargeFiles(tree, 1, 2 ** 32 * scale);
    copyOver(bench, `ssh: first sync of one file of ${Math.round(4096 * scale)} MiB`, tree, loopback, false);
    rmSync(tree, { recursive: true });
    makeLargeFiles(tree, 20, (200 << 20) * scale);
    copyOver(bench, `ssh: first sync of 20 files of ${Math.round(200 * scale)} MiB`, tree, near, false);
    rmSync(tree, { recursive: true });
    unchanged(bench, tree, 100_000 * scale);
  });

/** A run that finds nothing to do. */
function unchanged(bench: Bench, tree: string, files: number): void {
  const replica = bench.path("far-replica");
  mkdirSync(replica);
  makeSmallFiles(tree, files, Math.max(1, files / 500), () => 0);
  bench.forget();
  bench.declare(tree, [`ssh://far0/${replica}`]);
  bench.must([...own("sync").command]);
  const rsync: Contender = {
    name: "rsync -a",
    command: ["rsync", "-a", "-e", bench.path("ssh"), `${tree}/`, `far0:${replica}/bench${tree}/`],
  };
  bench.measure(`ssh: no-change sync of ${count(files)} files`, own("sync"), [rsync]);
  for (const path of [tree, replica]) rmSync(path, { recursive: true });
  bench.forget();
}
