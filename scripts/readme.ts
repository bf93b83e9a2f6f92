/**
 * Runs the commands of README.md's tour on a machine of its own and compares what they print with what stands there (`--check`), or writes it there
 * (`--update`). The machine is a mount and host name namespace with empty /etc, /opt, /mnt, /run and /var/lib, so that no path has to be pretended. Its
 * disk is a file in memory; that it is one of its own (sdb) is pretended, in its own /sys, since `safe` would call it by its name.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const README = join(ROOT, "README.md");

/** Ends each command's output, and cannot be part of it. */
const END = "----- end of a command -----";

const SETUP = `
set -eu
mount -t tmpfs tmpfs /etc; mount -t tmpfs tmpfs /opt; mount -t tmpfs tmpfs /mnt; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib
hostname exao1
mkdir -p /mnt/backup /mnt/.disk /etc/xtelemdb /opt/MagAOX /usr/local/bin
truncate -s 1200M /mnt/.image
mkfs.ext4 -q -F -m 0 /mnt/.image
mount -o loop /mnt/.image /mnt/.disk
slaves=/sys/class/block/$(basename $(findmnt -no SOURCE /mnt/.disk))/slaves
mount -t tmpfs tmpfs $slaves
mkdir -p $slaves/sdb/device
echo "/mnt/.disk /mnt/backup none bind" > /etc/fstab
ln -s /proc/self/mounts /etc/mtab
mount /mnt/backup
cp -R "$1/fixtures/instrument/." /opt/MagAOX/
find /opt/MagAOX -type f -exec touch -d 2026-11-01T08:20:15.123456789Z {} +
cat > /etc/xtelemdb/xtelemdb.toml <<'TOML'
[hosts.exao1]
aliases = ["aoc"]
data_dirs = ["/opt/MagAOX/logs", "/opt/MagAOX/rawimages", "/opt/MagAOX/telem"]

[scan]
settle = "0s"   # for the tour: copy at once
TOML
xtelemdb() { "$1/dist/xtelemdb" "\${@:2}"; }
set +eu
cd /
`;

interface Step {
  readonly command: string;
  readonly output: string;
}

const BLOCK = /```console\n([\s\S]*?)```/g;

/** Commands begin with "$ "; the lines up to the next one are what it prints. */
function stepsOf(block: string): Step[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = "", ...output] = part.trimEnd().split("\n");
      return { command, output: output.join("\n") };
    });
}

/** What each command prints, both streams in their order. */
function run(commands: readonly string[]): string[] {
  const bin = mkdtempSync(join(tmpdir(), "xtelemdb-tour-"));
  const body = commands.map((command) => `{ ${command}\n} 2>&1\necho "${END}"`).join("\n");
  const script = `${SETUP.replace(/^xtelemdb\(\).*$/m, `xtelemdb() { ${JSON.stringify(join(ROOT, "dist", "xtelemdb"))} "$@"; }`)}\n${body}\n`;
  writeFileSync(join(bin, "tour"), script);
  const done = Bun.spawnSync(["unshare", "--mount", "--uts", "--propagation", "private", "bash", join(bin, "tour"), ROOT], {
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: "/root", LC_ALL: "C" },
    stderr: "pipe",
  });
  rmSync(bin, { recursive: true });
  const parts = done.stdout.toString().split(`${END}\n`);
  if (parts.length !== commands.length + 1) throw new Error(`the tour ended early:\n${done.stdout}${done.stderr}`);
  return parts.slice(0, -1).map((text) => text.trimEnd());
}

/** The text without what differs from run to run: times, durations, random ids, the room on a disk, the order of what is found side by side. */
const normalised = (text: string): string =>
  text
    .split("\n")
    .toSorted()
    .join("\n")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID")
    .replaceAll(/\b\d+(\.\d+)?(ms|s)\b/g, "DURATION")
    .replaceAll(/[\d.]+ [KMGT]?i?B free/g, "ROOM free")
    .replaceAll(/ +$/gm, "");

/** Each difference between the README and what its commands print; and the README as it should be. */
export function checkReadme(): { readonly differences: readonly string[]; readonly text: string } {
  const text = readFileSync(README, "utf8");
  const blocks = [...text.matchAll(BLOCK)].map(([, block = ""]) => stepsOf(block));
  const printed = run(blocks.flat().map(({ command }) => command));
  const differences: string[] = [];
  let next = 0;
  const updated = text.replaceAll(BLOCK, (_whole, block: string) => {
    const lines = stepsOf(block).map(({ command, output }) => {
      const now = printed[next++] ?? "";
      const same = normalised(now) === normalised(output);
      if (!same) differences.push(`$ ${command}\n--- README\n${output}\n--- printed\n${now}`);
      return [`$ ${command}`, ...((same ? output : now) === "" ? [] : [same ? output : now])].join("\n");
    });
    return `\`\`\`console\n${lines.join("\n")}\n\`\`\``;
  });
  return { differences, text: updated };
}

if (import.meta.main) {
  const { differences, text } = checkReadme();
  if (process.argv.includes("--update")) writeFileSync(README, text);
  else for (const difference of differences) console.error(`${difference}\n`);
  process.exit(differences.length > 0 && !process.argv.includes("--update") ? 1 : 0);
}
