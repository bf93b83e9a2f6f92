/**
 * A machine with a real systemd, in less than a second: systemd-nspawn boots this machine's own files (or another tree's), read-only below an overlay in
 * memory, with no network and nothing started but what a test starts. It is gone when the test ends, also when that is killed: its first process has the
 * variable by which the reaper finds what was started for a test, all others die with it, its mounts with their namespace.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { command, type Outcome, type Running, start } from "./program.ts";
import { SCRATCH_VARIABLE, Scratch } from "./scratch.ts";
import { until } from "./until.ts";

/** Nothing of what is enabled on this machine is started there. */
const TARGET = "xtelemdb-test.target";

/** `$1` the scratch folder, `$2` the tree below, `$3` a name, `$4` what its first process has in its environment. The cgroup is one of its own, so that nothing is left in anybody else's. */
const BOOT = `
set -e
cd "$1"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$3"
echo $$ > "/sys/fs/cgroup/$3/cgroup.procs"
mount -t tmpfs tmpfs /run/systemd
mkdir memory
mount -t tmpfs tmpfs memory
mkdir memory/work memory/root
cp -a files memory/upper
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/memory/upper,workdir=$1/memory/work" memory/root
exec systemd-nspawn --quiet --directory="$1/memory/root" --machine="$3" --boot --register=no --keep-unit --private-network --console=pipe --setenv="$4" \\
  --link-journal=no --resolv-conf=off --timezone=off -- systemd.unit=${TARGET}
`;

export class SystemdMachine {
  readonly #scratch = new Scratch();
  readonly #name = `xtelemdb-${process.pid}-${this.#scratch.folder.split("/").at(-1)}`;
  #nspawn: Running | undefined;
  #leader = 0;

  /** `tree`: the files that it stands on, by default those of this machine. */
  constructor(private readonly tree = "/") {
    this.write("/etc/fstab", "");
    this.write("/etc/machine-id", "");
    this.write(`/etc/systemd/system/${TARGET}`, "[Unit]\nDefaultDependencies=no\nWants=systemd-journald.service\n");
  }

  /** The path outside of a file that was put into it. */
  #outside(path: string): string {
    const outside = this.#scratch.path("files", path);
    mkdirSync(dirname(outside), { recursive: true });
    return outside;
  }

  /** Puts a file into it, before it is booted. */
  write(path: string, text: string): void {
    writeFileSync(this.#outside(path), text);
  }

  copy(from: string, path: string): void {
    copyFileSync(from, this.#outside(path));
  }

  async boot(): Promise<void> {
    const words = [
      "sh",
      "-c",
      BOOT,
      "boot",
      this.#scratch.folder,
      this.tree,
      this.#name,
      `${SCRATCH_VARIABLE}=${this.#scratch.folder}`,
    ];
    this.#nspawn = start(["unshare", "--mount", "--propagation", "private", ...words]);
    const { pid, ended } = this.#nspawn;
    let outcome: Outcome | undefined;
    void ended.then((value) => {
      outcome = value;
    });
    this.#leader = await until("systemd in its machine", () => {
      if (outcome !== undefined) throw new Error(`systemd-nspawn ended: ${outcome.code}: ${outcome.stdout}${outcome.stderr}`);
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
      return children.find((child) => child > 0 && existsSync(`/proc/${child}/root/run/systemd/private`));
    });
  }

  /** Runs a command in it to its end. */
  run(...words: readonly string[]): Promise<Outcome> {
    return start([
      "nsenter",
      "--target",
      String(this.#leader),
      "--mount",
      "--uts",
      "--ipc",
      "--net",
      "--pid",
      "--cgroup",
      "--",
      ...words,
    ]).ended;
  }

  /** Ends it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The first process of a pid namespace takes all others with it, and systemd-nspawn ends after it.
    if (this.#leader > 0) process.kill(this.#leader, "SIGKILL");
    else this.#nspawn?.signal("SIGKILL");
    await this.#nspawn?.ended;
    const inside = "mount -t cgroup2 cgroup2 /sys/fs/cgroup && find /sys/fs/cgroup/$1 -depth -type d -exec rmdir {} +";
    await until("its cgroup to be empty", () => {
      try {
        command("unshare", "--mount", "--propagation", "private", "sh", "-c", inside, "clean", this.#name);
        return true;
      } catch {
        // Its processes are still on their way out.
        return false;
      }
    });
    this.#scratch[Symbol.dispose]();
  }
}

/** The first release of Debian with a systemd that knows Type=notify-reload. */
const NEWER_RELEASE = "trixie";

/**
 * A tree with a systemd of 253 or later: this machine's own, or a minimal Debian, made once (about 40 s, over the network) and kept in the cache. A tree
 * that was not finished is made anew: it gets its name at the end.
 */
export function newerSystemd(): string {
  const version = Number(/^systemd (\d+)/.exec(command("systemctl", "--version"))?.[1]);
  if (version >= 253) return "/";
  const cache = join(process.env.XDG_CACHE_HOME || "/var/cache", "xtelemdb-tests");
  const tree = join(cache, NEWER_RELEASE);
  if (existsSync(tree)) return tree;
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, "unfinished-"));
  try {
    command("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv", NEWER_RELEASE, unfinished, debianMirror());
    chmodSync(unfinished, 0o755);
    if (!existsSync(tree)) renameSync(unfinished, tree);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return tree;
}

/** The one that this machine uses, which may be the only one that it reaches. */
function debianMirror(): string {
  const sources = command(
    "sh",
    "-c",
    "cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null; true",
  );
  const mirrors = [...sources.matchAll(/^(?:URIs: *|deb (?:\[[^\]]*\] )?)(\S+)/gm)].flatMap(([, mirror]) => mirror ?? []);
  const mirror = mirrors.find((one) => !one.includes("security"));
  if (mirror === undefined)
    throw new Error("no mirror of Debian in this machine's apt sources: debootstrap has nothing to fetch from");
  return mirror;
}
