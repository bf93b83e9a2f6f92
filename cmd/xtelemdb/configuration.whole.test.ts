/** What the program says about a configuration that is wrong or missing; and that nothing but its own configuration steers it. */
import { expect } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { programPath, repositoryPath, start, World, wholeTest } from "../../internal/testing/mod.ts";

/** Text, place, and a word of the help. */
const MISTAKES: readonly (readonly [text: string, place: string, says: RegExp, helps: RegExp])[] = [
  ['hostnme = "exao1"\n', "1:1", /unknown key "hostnme"/, /hostname/],
  ['[hosts.exao1]\ndatadirs = ["/a"]\n', "2:1", /unknown key "datadirs"/, /data_dirs/],
  ["[replica]\n", "1:2", /unknown key "replica"/, /replicas/],
  ["hostname = exao1\n", "1:12", /no value/, /quotes/],
  ['hostname = "exao1\n', "1:18", /no end/, /quote/],
  ["[hosts.exao1\n", "1:13", /TOML/, /./],
  ['[hosts.exao1]\ndata_dirs = "/a"\n', "2:13", /./, /data_dirs = \[/],
  ['[hosts.exao1]\ndata_dirs = ["relative"]\n', "2:14", /relative/, /absolute|\//],
  ['[hosts.exao1]\ndata_dirs = ["/a", "/a/b"]\n', "2:20", /lies in/, /keep one/],
  ['[hosts."a/b"]\ndata_dirs = []\n', "1:8", /a\/b/, /./],
  ['[scan]\ninterval = "10 minutes"\n', "2:12", /10 minutes/, /10m/],
  ["[scan]\ninterval = 600\n", "2:12", /./, /10m/],
  ['[scan]\nsettle = "-1s"\n', "2:10", /-1s/, /10s/],
  ['[scan]\nmax_loss = "120%"\n', "2:12", /120%/, /20%/],
  ['[scan]\nwatch = "yes"\n', "2:9", /./, /true/],
  ['[scan]\nexclude = "*.tmp"\n', "2:11", /./, /\[/],
  ['[scan]\nexclude = ["!keep*"]\n', "2:12", /no negation/, /exclude = \["\*\.tmp"\]/],
  ['[replicas."mnt/backup"]\n', "1:11", /mnt\/backup/, /./],
  ['[replicas."s3://bucket/x"]\n', "1:11", /s3/, /ssh:/],
  ['[replicas."ssh://-oProxyCommand=x/y"]\n', "1:11", /./, /./],
  ['[replicas."/a"]\nlocal = "yes"\n', "2:9", /./, /true/],
  ['[replicas."/a"]\n[replicas."/a/"]\n', "2:11", /./, /./],
  ['[replicas."/a"]\nreserve = "1 Gib"\n', "2:11", /1 Gib/, /GiB/],
  ['hostname = "a"\nhostname = "b"\n', "2:1", /already/, /remove one/],
];

wholeTest("every mistake is told with file, line, column, the line itself, and help; exit code 2", [], async () => {
  using world = new World();
  expect(MISTAKES.length).toBeGreaterThanOrEqual(20);
  for (const [text, place, says, helps] of MISTAKES) {
    writeFileSync(world.configuration, text);
    const { code, stdout, stderr } = await world.run("config", "check");
    expect({ text, code, stdout }).toEqual({ text, code: 2, stdout: "" });
    expect(stderr).toContain(`${world.configuration}:${place}`);
    expect(stderr).toContain(text.split("\n")[Number(place.split(":")[0]) - 1] ?? "?");
    const [message = "", help = ""] = stderr.split("help:");
    expect({ text, message }).toEqual({ text, message: expect.stringMatching(says) });
    expect({ text, help }).toEqual({ text, help: expect.stringMatching(helps) });
  }
});

wholeTest("no command does anything with a mistaken configuration", [], async () => {
  using world = new World();
  copyFileSync(repositoryPath("fixtures", "configurations", "mistaken.toml"), world.configuration);
  const before = readFileSync(world.configuration);
  for (const words of [
    ["sync"],
    ["sync", "continuous=true"],
    ["scan"],
    ["plan"],
    ["status"],
    ["explain", "/x"],
    ["replica_list"],
  ]) {
    const outcome = await world.run(...words);
    expect({ words, code: outcome.code, stdout: outcome.stdout }).toEqual({ words, code: 2, stdout: "" });
    expect(outcome.stderr).toContain(`${world.configuration}:`);
  }
  expect(await world.run("add_replica", `prefix=${world.path("backup")}`)).toMatchObject({ code: 2 });
  expect(readFileSync(world.configuration)).toEqual(before);
  expect([...world.tree("backup").keys()]).toEqual([]);
});

wholeTest("a configuration that is missing or a folder says what to do", [], async () => {
  using world = new World();
  rmSync(world.configuration);
  for (const words of [["sync"], ["status"], ["config", "check"]]) {
    const outcome = await world.run(...words);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(world.configuration);
    expect(outcome.stderr).toContain("help:");
  }
  mkdirSync(world.configuration);
  expect((await world.run("sync")).code).toBe(2);
});

wholeTest("the sample configurations are what they say they are", [], async () => {
  using world = new World();
  const check = (name: string) =>
    start([programPath(), "config", "check", "--config", repositoryPath("fixtures", "configurations", name)]).ended;
  expect(await check("good.toml")).toMatchObject({ code: 0, stderr: "" });
  expect(await check("mistaken.toml")).toMatchObject({ code: 2 });
  copyFileSync(repositoryPath("config", "xtelemdb.toml"), world.configuration);
  expect(await world.run("config", "check")).toMatchObject({ code: 0 });
});

wholeTest("nothing in the folder that it is started in is executed or read", [], async () => {
  using world = new World();
  const folder = world.path("hostile");
  mkdirSync(`${folder}/node_modules/commander`, { recursive: true });
  const proof = world.path("proof");
  const planted = `require("node:fs").writeFileSync(${JSON.stringify(proof)}, "executed");`;
  writeFileSync(`${folder}/preload.ts`, planted);
  writeFileSync(`${folder}/bunfig.toml`, 'preload = ["./preload.ts"]\n');
  writeFileSync(`${folder}/.env`, `XTELEMDB_CONFIG=${world.path("evil.toml")}\n`);
  writeFileSync(`${folder}/node_modules/commander/index.js`, planted);
  writeFileSync(`${folder}/package.json`, '{ "name": "x", "type": "module" }');
  writeFileSync(`${folder}/tsconfig.json`, "{ broken");
  writeFileSync(`${folder}/xtelemdb.toml`, "broken = [");
  world.files({ path: "a", content: "1" });
  const options = { cwd: folder, environment: { XTELEMDB_CONFIG: world.configuration } };
  expect(await start([programPath(), "sync"], options).ended).toMatchObject({ code: 0 });
  expect(world.copiedFiles()).toEqual(world.originFiles());
  expect(await Bun.file(proof).exists()).toBe(false);
});

wholeTest("an unreadable configuration says so", ["setpriv"], async () => {
  using world = new World();
  chmodSync(world.configuration, 0o600);
  world.runWith({ wrapper: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] });
  const outcome = await world.run("config", "check");
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain(world.configuration);
  expect(outcome.stderr).toMatch(/permission/i);
});
