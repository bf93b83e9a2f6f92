/** What an operator installs: the container image, the systemd unit, the completion. */
import { expect } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command, programPath, repositoryPath, Scratch, start, World, wholeTest } from "../internal/testing/mod.ts";

wholeTest("the image builds on a base made here, runs as its own user, and does its work", ["buildah"], async () => {
  // A disk, not memory: buildah keeps several copies of every layer.
  const storage = mkdtempSync("/var/tmp/xtelemdb-image-");
  try {
    const environment = { BUILDAH_ROOT: storage, HOME: process.env.HOME ?? "/root" };
    const built = await start([repositoryPath("scripts", "build-image"), "--base-from-host", "--tag=xtelemdb-test"], {
      cwd: repositoryPath(),
      environment,
    }).ended;
    expect(built.code, built.stdout + built.stderr).toBe(0);
    const buildah = (...words: string[]): string =>
      command(
        "env",
        "BUILDAH_ISOLATION=chroot",
        "buildah",
        "--root",
        join(storage, "storage"),
        "--runroot",
        join(storage, "run"),
        ...words,
      );
    const container = buildah("from", "--pull-never", "localhost/xtelemdb-test").trim();
    const inside = (...words: string[]): string => buildah("run", container, "--", ...words);
    expect(inside("/usr/local/bin/xtelemdb", "version")).toMatch(/^xtelemdb \d/);
    expect(inside("id", "-u").trim()).toBe("7440");
    expect(inside("sh", "-c", "command -v ssh").trim()).toBe("/usr/bin/ssh");
    const work =
      "cd /state && mkdir data replica && echo x > data/x && printf '%s\\n' 'hostname = \"h\"' '[scan]' 'settle = \"0s\"' '[hosts.h]' 'data_dirs = [\"/state/data\"]' " +
      "'[replicas.\"/state/replica\"]' > c.toml && xtelemdb sync --config c.toml && cat /state/replica/h/state/data/x";
    expect(inside("sh", "-c", work)).toMatch(/converged[^\n]*\nx\n$/);
    expect(inside("sh", "-c", "ls /src 2>&1 || true")).toContain("No such file");
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
});

wholeTest("the systemd unit verifies, with and without the drop-in, and is hardened", ["systemd-analyze"], () => {
  using scratch = new Scratch();
  const unit = scratch.path("xtelemdb.service");
  copyFileSync(repositoryPath("config", "xtelemdb.service"), unit);
  // The program has to be where the unit says: the verification looks.
  const verify = [
    "unshare --mount --propagation private sh -c",
    `'mount -t tmpfs tmpfs /usr/local/bin && install -m 755 "$0" /usr/local/bin/xtelemdb && systemd-analyze verify --man=no "$1"' "$@"`,
  ].join(" ");
  expect(command("sh", "-c", `set -- "$0" "$1"; ${verify} 2>&1`, programPath(), unit)).toBe("");
  mkdirSync(`${unit}.d`);
  copyFileSync(repositoryPath("config", "xtelemdb.service.d", "replicas.conf"), `${unit}.d/replicas.conf`);
  expect(command("sh", "-c", `set -- "$0" "$1"; ${verify} 2>&1`, programPath(), unit)).toBe("");
  const security = command("systemd-analyze", "security", "--offline=true", "--no-pager", unit);
  const exposure = Number(/exposure level[^:]*: ([\d.]+)/.exec(security)?.[1]);
  expect(exposure).toBeLessThan(3);
});

wholeTest("the completion for bash is accepted by bash and knows the commands", [], async () => {
  using world = new World();
  const { stdout } = await world.run("completion", "bash");
  await Bun.write(world.path("completion"), stdout);
  expect(command("bash", "-n", world.path("completion"))).toBe("");
  const asked = await start([programPath(), "complete", "--", "add"]).ended;
  expect(asked.stdout).toContain("add_replica");
});
