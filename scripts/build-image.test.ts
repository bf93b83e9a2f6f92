/** What an operator installs: the container image, the systemd unit, the completion. */
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command, programPath, repositoryPath, Scratch, start, until, World, wholeTest } from "../internal/testing/mod.ts";

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
    const words = [
      "env",
      "BUILDAH_ISOLATION=chroot",
      "buildah",
      "--root",
      join(storage, "storage"),
      "--runroot",
      join(storage, "run"),
    ];
    const buildah = (...more: string[]): string => command(...words, ...more);
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
    const { config } = JSON.parse(buildah("inspect", "--type", "image", "localhost/xtelemdb-test")).OCIv1;
    expect(config).toMatchObject({
      User: "7440:7440",
      StopSignal: "SIGTERM",
      Volumes: { "/config": {}, "/state": {}, "/data": {} },
    });
    // Mounted in a namespace of its own, so that nothing stays mounted.
    const files = join(storage, "files");
    const copy = [
      "sh",
      "-c",
      'files=$1 container=$2; shift 2; cp -a "$("$@" mount "$container")" "$files"',
      "copy",
      files,
      container,
    ];
    command("unshare", "--mount", "--propagation", "private", ...copy, ...words);
    await worksReadOnly(files, config);
  } finally {
    // buildah leaves a mount of its own there.
    const mounts = `awk -v folder="$1/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l`;
    command("sh", "-c", mounts, "unmount", storage);
    rmSync(storage, { recursive: true, force: true });
  }
});

/** `$1`: the image's files; the rest: what to run there. As a container has it: first process of its own pid namespace, no capability, no root, nothing writable but the volumes. */
const READ_ONLY = `
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for volume in state run/xtelemdb data; do mount -t tmpfs -o uid=7440,gid=7440,mode=0755 tmpfs "$root/$volume"; done
mkdir "$root/data/origin" "$root/data/replica"
echo x > "$root/data/origin/x"
chown -R 7440:7440 "$root/data"
mount -t tmpfs tmpfs "$root/config"
printf '%s\\n' "$CONFIGURATION" > "$root/config/xtelemdb.toml"
mount -o remount,ro "$root/config"
exec env -i "$@"
`;
const CONFIGURATION = `hostname = "h"
[scan]
settle = "0s"
[hosts.h]
data_dirs = ["/data/origin"]
[replicas."/data/replica"]`;

interface ImageConfiguration {
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
}

/** There is no Docker daemon to do this: the image's own entry point and environment, in its own files. */
async function worksReadOnly(root: string, { Env, Entrypoint, Cmd }: ImageConfiguration): Promise<void> {
  const setpriv = "setpriv --reuid=7440 --regid=7440 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs".split(
    " ",
  );
  const begin = (configuration: string, ...words: readonly string[]) => {
    const isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    const inRoot = ["sh", "-c", READ_ONLY, "read-only", root, ...Env, "chroot", root, ...setpriv, ...words];
    return start([...isolated, ...inRoot], { environment: { CONFIGURATION: configuration } });
  };
  const refused = await begin(CONFIGURATION, "sh", "-c", "id -u; touch /x /usr/x /config/x /state/x").ended;
  expect(refused.stdout).toBe("7440\n");
  expect(refused.stderr.match(/Read-only file system/g)).toHaveLength(3);
  expect(await begin("wrong = 1", ...Entrypoint, ...Cmd).ended).toMatchObject({ code: 2 });

  const running = begin(CONFIGURATION, ...Entrypoint, ...Cmd);
  const first = await until("the first process in there", () => {
    const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8").trim();
    return children !== "" && Number(children);
  });
  const status = `/proc/${first}/root/state/status.json`;
  await until("everything copied", () => existsSync(status) && JSON.parse(readFileSync(status, "utf8")).converged === true);
  expect(readFileSync(`/proc/${first}/root/data/replica/h/data/origin/x`, "utf8")).toBe("x\n");
  const asked = performance.now();
  process.kill(first, "SIGTERM");
  expect(await running.ended).toMatchObject({ code: 0, signal: null });
  expect(performance.now() - asked).toBeLessThan(5_000);
}

interface ComposeService {
  readonly user: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly cap_add: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly stop_grace_period: string;
  readonly tmpfs: readonly string[];
  readonly volumes: readonly { readonly type: string; readonly target: string; readonly read_only?: boolean }[];
}

test("the example for compose has the user, the rights and the folders of the image and the unit", () => {
  const text = readFileSync(repositoryPath("config", "compose.yaml"), "utf8");
  // What it must hold is compared below.
  const { services, volumes } = Bun.YAML.parse(text) as { services: { xtelemdb: ComposeService }; volumes: object };
  const service = services.xtelemdb;
  const image = readFileSync(repositoryPath("Dockerfile"), "utf8");
  const unit = readFileSync(repositoryPath("config", "xtelemdb.service"), "utf8");
  expect(image).toContain(`\nUSER ${service.user}\n`);
  expect(service.read_only).toBe(true);
  expect(service.cap_drop).toEqual(["ALL"]);
  const capabilities = service.cap_add.map((name) => `CAP_${name}`).toSorted();
  expect(/^AmbientCapabilities=(.*)$/m.exec(unit)?.[1]?.split(" ").toSorted()).toEqual(capabilities);
  expect(unit).toContain(`\nTimeoutStopSec=${service.stop_grace_period.replace("s", "")}\n`);
  expect(service.healthcheck.test).toEqual(["CMD", "xtelemdb", "healthz"]);
  expect(service.tmpfs).toEqual(["/run/xtelemdb:uid=7440,gid=7440,mode=0755"]);
  const declared: readonly string[] = JSON.parse(/^VOLUME (.*)$/m.exec(image)?.[1] ?? "[]");
  const targets = service.volumes.map(({ target }) => target);
  expect(declared.filter((volume) => !targets.includes(volume))).toEqual([]);
  // Only the state and the disks of the replicas can be written to.
  const writable = service.volumes.filter((volume) => volume.read_only !== true);
  expect(writable.map(({ target }) => target)).toEqual(["/state", "/mnt"]);
  expect(Object.keys(volumes)).toEqual(["state"]);
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
