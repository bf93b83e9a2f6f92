/** The commands and the TOML of the handbook, to the letter. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesOf, programPath, readTree, SshServer, start, World, wholeTest } from "../../internal/testing/mod.ts";

/** The paths of the handbook, in a mount namespace of their own: nothing of it is seen outside. */
const HANDBOOK = `
set -u
mount -t tmpfs tmpfs /mnt && mkdir /mnt/backup
mount -t tmpfs tmpfs /opt && mkdir -p /opt/MagAOX/logs /opt/MagAOX/telem
echo one > /opt/MagAOX/logs/one.log
echo two > /opt/MagAOX/telem/two.bintel
say() { echo "$1: $?" >> codes; }
xtelemdb add_replica prefix=/mnt/backup                                    > add-local 2>&1;  say add-local
xtelemdb add_replica host=popeye prefix=ceph/magao-x/ import_origins=true  > add-ssh 2>&1;    say add-ssh
xtelemdb replica_list                                                      > list 2>&1;       say list
xtelemdb sync continuous=true                                              > continuous 2>&1 &
agent=$!
for attempt in $(seq 600); do
  python3 - > seen 2>/dev/null <<'EOF' && break
import json, sys
status = json.load(open("status.json"))
sys.exit(0 if [r for r in status["replicas"] if r["url"] == "/mnt/backup" and r["ready"]] else 1)
EOF
  sleep 0.05
done
kill -TERM $agent; wait $agent;                                                               say continuous
xtelemdb sync                                                              > sync 2>&1;       say sync
cp -a /mnt/backup copies
`;

wholeTest("every command of the handbook works as it is written there", ["namespaces"], async () => {
  using world = new World();
  const { folder, configuration, database, statusFile } = world;
  writeFileSync(
    configuration,
    `hostname = "exao1"\ndatabase = "${database}"\nstatus_file = "${statusFile}"\n[scan]\nsettle = "0s"\n[hosts.exao1]\ndata_dirs = ["/opt/MagAOX/logs", "/opt/MagAOX/telem"]\n`,
  );
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "xtelemdb"), `#!/bin/sh\nexec ${programPath()} "$@"\n`, { mode: 0o755 });
  const outcome = await start(["unshare", "--mount", "--propagation", "private", "bash", "-c", HANDBOOK], {
    cwd: folder,
    environment: { XTELEMDB_CONFIG: configuration, PATH: `${bin}:${process.env.PATH}` },
  }).ended;
  const said = (name: string): string => readFileSync(join(folder, name), "utf8");
  expect(`${said("codes")}${outcome.stderr}`).toBe("add-local: 0\nadd-ssh: 0\nlist: 0\ncontinuous: 0\nsync: 3\n");
  expect(said("add-local")).toContain("marker");
  const toml = said("xtelemdb.toml");
  expect(toml).toContain('[replicas."/mnt/backup"]\nlocal = true\n');
  expect(toml).toContain('[replicas."ssh://popeye/ceph/magao-x/"]\n');
  expect(toml).toContain("import_origins = true");
  expect(said("list")).toContain("/mnt/backup");
  expect(said("list")).toContain("ssh://popeye/ceph/magao-x");
  const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
  expect(Object.keys(filesOf(readTree(join(folder, "copies")))).map((path) => path.replace(uuid, "UUID"))).toEqual([
    ".xtelemdb-generation-UUID.json",
    ".xtelemdb-inventory/exao1.UUID.db",
    ".xtelemdb-manifest/exao1/12bdce179a1f4fc78efb249e600169b6.sha256",
    ".xtelemdb-manifest/exao1/5690dfd8c4460685d9f282df569ba866.sha256",
    ".xtelemdb-replica.json",
    ".xtelemdb-writer-exao1.json",
    "exao1/opt/MagAOX/logs/one.log",
    "exao1/opt/MagAOX/telem/two.bintel",
  ]);
  expect(existsSync("/mnt/backup")).toBe(false);
});

const HANDBOOK_TOML = `[replicas."/mnt/backup"]
local = true

[replicas."ssh://popeye/ceph/magao-x/"]
`;

wholeTest("the TOML of the handbook is accepted as it is written there", [], async () => {
  using world = new World();
  writeFileSync(world.configuration, HANDBOOK_TOML);
  const checked = await world.run("config", "check");
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  const shown = await world.run("config", "show", "--json");
  expect(JSON.parse(shown.stdout).replicas).toMatchObject([
    { written: "/mnt/backup", target: { kind: "local", root: "/mnt/backup" } },
    { written: "ssh://popeye/ceph/magao-x/", target: { kind: "ssh", host: "popeye" } },
  ]);
});

wholeTest("what config show prints is a configuration that means the same", [], async () => {
  using world = new World({ replicas: ["backup", "ssh://popeye/ceph/magao-x/"], scan: { exclude: ["*.tmp"] } });
  const first = await world.run("config", "show");
  const copy = join(dirname(world.configuration), "shown.toml");
  writeFileSync(copy, first.stdout);
  const again = await start([programPath(), "config", "show", "--config", copy]).ended;
  expect(again).toMatchObject({ code: 0, stdout: first.stdout });
});

wholeTest("both forms of arguments and both spellings of commands are the same", [], async () => {
  using world = new World({ replicas: [] });
  for (const name of ["a", "b", "c", "d"]) mkdirSync(world.path(name));
  expect(await world.run("add_replica", `prefix=${world.path("a")}`)).toMatchObject({ code: 0 });
  expect(await world.run("add-replica", "--prefix", world.path("b"))).toMatchObject({ code: 0 });
  expect(await world.run("add_replica", `--prefix=${world.path("c")}`)).toMatchObject({ code: 0 });
  expect(await world.run("add-replica", world.path("d"))).toMatchObject({ code: 0 });
  const listed = await world.run("replica-list");
  for (const name of ["a", "b", "c", "d"]) expect(listed.stdout).toContain(world.path(name));
  expect(await world.run("remove-replica", `--prefix=${world.path("a")}`)).toMatchObject({ code: 0 });
  expect(await world.run("remove_replica", `prefix=${world.path("b")}`)).toMatchObject({ code: 0 });
  const after = readFileSync(world.configuration, "utf8");
  expect(after).not.toContain(`"${world.path("a")}"`);
  expect(after).not.toContain(`"${world.path("b")}"`);
  expect(after).toContain(`"${world.path("c")}"`);
  expect(await world.run("add_replica", `prefix=${world.path("x")}`, "dry_run=true")).toMatchObject({ code: 0 });
  expect(readFileSync(world.configuration, "utf8")).toBe(after);
});

wholeTest("an ssh replica whose host is not there says so and does not disturb the local one", ["sshd"], async () => {
  using world = new World({ replicas: ["ssh://xtelemdb-test.invalid/ceph/magao-x/", "backup"] });
  world.files({ path: "one", content: "1" }, { path: "deep/two", content: "2" });
  expect(await world.sync()).toMatchObject({ code: 3 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  const { replicas, converged } = await world.status();
  expect(converged).toBe(false);
  const [ssh, local] = [...replicas].sort((a, b) => b.url.localeCompare(a.url));
  expect(ssh).toMatchObject({ ready: false, pending: { files: 2 } });
  expect(ssh?.conditions.find(({ type }) => type === "Ready")).toMatchObject({ reason: "HostUnreachable", status: "False" });
  expect(local).toMatchObject({ ready: true, current: { files: 2 }, pending: { files: 0 } });
});

wholeTest("the handbook's ssh replica works with a host that ssh knows as popeye, in its login directory", ["sshd"], async () => {
  using world = new World();
  const home = world.path("home");
  mkdirSync(join(home, "ceph/magao-x"), { recursive: true });
  const lines = [`ForceCommand internal-sftp -d ${home}`];
  const server = await SshServer.start(world.path("sshd"), { subsystem: "internal-sftp", lines });
  const configuration = world.path("ssh_config");
  const keys = server.options().map((option) => `  ${option.replace("=", " ")}`);
  writeFileSync(configuration, ["Host popeye", "  HostName 127.0.0.1", ...keys, ""].join("\n"));
  const ssh = world.path("ssh");
  writeFileSync(ssh, `#!/bin/sh\nexec ssh -F ${configuration} "$@"\n`, { mode: 0o755 });
  world.runWith({ environment: { XTELEMDB_SSH: ssh } });
  world.files({ path: "one", content: "1" });
  const added = await world.run("add_replica", "host=popeye", "prefix=ceph/magao-x/", "import_origins=true");
  expect(added.code, added.stdout + added.stderr).toBe(0);
  expect(added.stdout).toContain("wrote the marker");
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
  expect(readFileSync(join(home, "ceph/magao-x/exao1", world.data, "one"), "utf8")).toBe("1");
  expect((await world.run("replica_list")).stdout).toContain("ssh://popeye/ceph/magao-x/");
  server.stop();
});

wholeTest("every command that prints data prints it as JSON when asked", [], async () => {
  using world = new World();
  world.files({ path: "one", content: "1" });
  for (const words of [
    ["plan"],
    ["scan"],
    ["sync"],
    ["status"],
    ["replica_list"],
    ["host_list"],
    ["explain", `${world.data}/one`],
    ["config", "check"],
    ["config", "show"],
    ["version"],
  ]) {
    const { stdout, stderr } = await world.run(...words, "--json");
    expect({ words, stderr, type: typeof JSON.parse(stdout) }).toEqual({ words, stderr: "", type: "object" });
  }
});

wholeTest("help, version and completion answer without a configuration; nonsense ends with exit code 2", [], async () => {
  const run = (...words: string[]) => start([programPath(), ...words]).ended;
  const help = await run("help");
  expect(help.code).toBe(0);
  for (const name of "add_replica remove_replica replica_list host_list import_origins scan plan sync status explain config version completion".split(
    " ",
  )) {
    expect(help.stdout).toContain(name);
  }
  for (const word of ["version", "--version", "-V"])
    expect(await run(word)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^xtelemdb \d+\.\d+\.\d+ \(\w+\)\n$/) });
  for (const words of [
    ["version", "--json"],
    ["--json", "--version"],
    ["-V", "--json"],
  ])
    expect(JSON.parse((await run(...words)).stdout)).toMatchObject({ version: expect.stringMatching(/^\d/) });
  for (const shell of ["bash", "zsh", "fish"]) expect((await run("completion", shell)).stdout).toContain("xtelemdb");
  for (const words of [["synk"], ["sync", "--contimuous"], ["sync", "contimuous=true"], ["add_replica"], ["explain"], []]) {
    const outcome = await run(...words);
    expect({ words, code: outcome.code, silent: outcome.stderr === "" }).toEqual({ words, code: 2, silent: false });
  }
  expect((await run("synk")).stderr).toContain("sync");
});
