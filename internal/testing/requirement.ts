/** What a test needs of the machine. Where it is missing the test is skipped, loudly: one line says which and why. */
import { test } from "bun:test";
import { existsSync } from "node:fs";
import { SYSTEM_PYTHON } from "./fuse-volume.ts";

export type Requirement =
  | "root"
  | "strace"
  | "loop"
  | "dev-fuse"
  | "fuse"
  | "fusepy"
  | "namespaces"
  | "setpriv"
  | "script"
  | "systemd-analyze"
  | "buildah"
  | "xfs"
  | "btrfs"
  | "sshd"
  | "faketime"
  | "systemd";

/** Where Debian has it on this machine. */
export const FAKETIME = `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu/faketime/libfaketimeMT.so.1`;

const WHOLE_TEST_MILLISECONDS = 240_000;

const works = (...command: string[]): boolean => {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
};

const isRoot = (): boolean => process.getuid?.() === 0;

/** What a machine of `SystemdMachine` stands on. */
const OVERLAY_OF_ALL =
  "mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir u w m && mount -t overlay -o lowerdir=/,upperdir=u,workdir=w o m && mount -t cgroup2 none /sys/fs/cgroup";

/** Undefined when it is there, else why not. */
const CHECKS: Readonly<Record<Requirement, () => string | undefined>> = {
  root: () => (isRoot() ? undefined : "it mounts volumes, which takes root"),
  strace: () => (works("strace", "-f", "-o", "/dev/null", "true") ? undefined : "strace is missing or not allowed"),
  loop: () => (isRoot() && works("losetup", "-f") ? undefined : "loop devices are not available"),
  "dev-fuse": () => (isRoot() && existsSync("/dev/fuse") ? undefined : "/dev/fuse is missing, or this is not root"),
  fuse: () =>
    isRoot() && existsSync("/dev/fuse") && works("bindfs", "--version") ? undefined : "bindfs or /dev/fuse is missing",
  fusepy: () =>
    isRoot() && existsSync("/dev/fuse") && works(SYSTEM_PYTHON, "-c", "import fusepy")
      ? undefined
      : "python3-fusepy or /dev/fuse is missing, or this is not root",
  namespaces: () => (isRoot() && works("unshare", "--mount", "true") ? undefined : "mount namespaces are not available"),
  setpriv: () =>
    isRoot() && works("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true") ? undefined : "setpriv is missing",
  script: () => (works("script", "--version") ? undefined : "script is missing"),
  "systemd-analyze": () => (works("systemd-analyze", "--version") ? undefined : "systemd-analyze is missing"),
  buildah: () => (isRoot() && works("buildah", "--version") ? undefined : "buildah is missing, or this is not root"),
  sshd: () =>
    existsSync("/usr/sbin/sshd") && existsSync("/usr/lib/openssh/sftp-server") && works("ssh", "-V")
      ? undefined
      : "sshd, sftp-server or ssh is missing",
  systemd: () =>
    isRoot() && works("systemd-nspawn", "--version") && works("unshare", "--mount", "sh", "-c", OVERLAY_OF_ALL)
      ? undefined
      : "systemd-nspawn is missing, or this machine does not allow what it takes (root, overlayfs over /, cgroup2)",
  faketime: () => (existsSync(FAKETIME) ? undefined : "libfaketime is missing"),
  xfs: () => (works("mkfs.xfs", "-V") ? undefined : "mkfs.xfs is missing"),
  btrfs: () => (works("mkfs.btrfs", "--version") ? undefined : "mkfs.btrfs is missing"),
};

const found = new Map<string, string | undefined>();

function missing(name: string, check: () => string | undefined): string | undefined {
  if (!found.has(name)) found.set(name, check());
  return found.get(name);
}

/** Why tests with these needs cannot run here; undefined when they can. */
export function whyNot(needs: readonly Requirement[]): string | undefined {
  const python = missing("python3", () => (works("python3", "-c", "pass") ? undefined : "python3 is missing"));
  return python ?? needs.map((need) => missing(need, CHECKS[need])).find((why) => why !== undefined);
}

/** Declares a whole-program test. */
export function wholeTest(name: string, needs: readonly Requirement[], run: () => Promise<void> | void): void {
  const why = whyNot(needs);
  if (why === undefined) test(name, run, WHOLE_TEST_MILLISECONDS);
  else {
    console.log(`SKIPPED: ${name}: ${why}`);
    test.skip(name, run);
  }
}
