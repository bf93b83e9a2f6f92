/**
 * Names and words that act on a terminal come out of no command: neither as text nor as JSON, in a pipe or on a terminal, in the log, the status file, or at the endpoint. The commands are those of the program's
 * own help, so that none is forgotten. `safe --print0` is for another program, and alone gives names as they are.
 */
import { expect } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { usualCases } from "../../internal/testing/chosen-cases.ts";
import { HOST, MARKER, programPath, RunningAgent, Terminal, until, World, wholeTest } from "../../internal/testing/mod.ts";

/** Titles, colours, C1 controls, text that runs backwards, line breaks, bytes that are no text. */
const WORDS = [
  "\u001b]0;owned\u0007",
  "\u001b[2J\u001b[31m",
  "\u009b1;31m",
  "\u202efdp.",
  "a\nb\rc",
  "\u007f\u0085",
  "\u2028\ufeff\u200b",
];
const NOT_TEXT = Uint8Array.from([0xff, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x9b]);
const HOSTILE = WORDS.join("");

/** What acts on a terminal, but for line breaks, and tabs between columns. */
const ACTING = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** The program's own on a terminal: colours, the cursor's ways, the screen for what is watched. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OWN = /\u001b\[(?:\??\d*(?:;\d+)*)[mKJHABCDGhl]|\u001b[78]|\r\n|\r/gu;

/** Every command with arguments that make it say much; `PATH`: a path that acts. */
const COMMANDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  add_replica: [["prefix=PATH", "dry_run=true"], ["PATH"], [`ssh://${HOSTILE}/x`]],
  remove_replica: [["prefix=PATH"], ["PATH"]],
  replica_list: [[]],
  host_list: [[]],
  scan: [[], ["PATH"]],
  plan: [[], ["--files"]],
  sync: [[], [`continuous=${HOSTILE}`]],
  verify: [[], ["path=PATH"], ["prefix=PATH"], [`level=${HOSTILE}`]],
  import_origins: [[], ["dry_run=true"], ["prefix=PATH"]],
  safe: [["path=DATA"], ["path=PATH"], []],
  restore: [["to=RESTORED"], ["path=PATH"], [`before=${HOSTILE}`], [`from=${HOSTILE}`]],
  status: [[]],
  explain: [["PATH"], [HOSTILE]],
  healthz: [[]],
  events: [[], [`subject=${HOSTILE}`], [`reason=${HOSTILE}`]],
  "inventory backup": [["to=PATH"], ["to=PATH"]],
  "inventory check": [[]],
  "inventory rebuild": [["dry_run=true"], ["from=PATH"], []],
  "config check": [[], [`--config=${HOSTILE}`]],
  "config show": [[]],
  version: [[], [HOSTILE]],
  completion: [["bash"], [HOSTILE]],
  help: [[], [HOSTILE]],
};

/** Of the commands, in every run of the tests; `scripts/faults hostile` tries all. */
const FEW = 5;

/** These have a log. */
const LOGS = new Set(["sync", "scan", "verify", "import_origins"]);

/** The commands that a help text lists. */
const listed = (help: string): string[] =>
  [...(help.split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "").matchAll(/^ {2}(\w+)/gm)].flatMap(([, name]) => name ?? []);

async function everyCommand(world: World): Promise<string[]> {
  const top = listed((await world.run("--help")).stdout);
  const nested = await Promise.all(
    top.map(async (name) => {
      const below = name === "help" ? [] : listed((await world.run(name, "--help")).stdout).filter((one) => one !== "help");
      return below.length === 0 ? [name] : below.map((one) => `${name} ${one}`);
    }),
  );
  return nested.flat();
}

/** A world in which everything that has a name has one that acts: at the origin, at the replica, at a far end. */
async function actingWorld(): Promise<World> {
  const world = new World();
  const far = `ssh://far/${world.path("far")}/`;
  mkdirSync(world.path("other"));
  writeFileSync(world.path("ssh"), `#!/bin/sh\nprintf '${HOSTILE.replaceAll("\n", "\\n").replaceAll("'", "")}' >&2\nexit 255\n`, {
    mode: 0o755,
  });
  world.runWith({ environment: { XTELEMDB_SSH: world.path("ssh") } });
  world.declare({ replicas: ["backup", "other", far] });
  const names = [...WORDS, HOSTILE].flatMap((word) => [
    { path: word.slice(0, 200), content: word },
    { path: `dir${word}/inner${word}`, content: "x" },
  ]);
  world.files(...names, { path: NOT_TEXT, content: "no text" });
  await world.sync();
  // A stranger's marker, a stranger's file in the way, a file that nobody knows, a manifest that lies.
  writeFileSync(join(world.path("other"), MARKER), JSON.stringify({ uuid: HOSTILE, format: HOSTILE }));
  world.makeTree("backup", [
    { path: `dark${HOSTILE}`, content: "dark" },
    { path: `${HOST}${world.data}/way${HOSTILE}`, content: "a stranger's" },
  ]);
  world.files({ path: `way${HOSTILE}`, content: "ours" });
  world.makeTree("backup", [{ path: `${HOSTILE}/opt/x`, content: "another host's" }]);
  return world;
}

wholeTest("no command lets through what acts on a terminal: as text, as JSON, in its log", [], async () => {
  using world = await actingWorld();
  const path = join(world.data, HOSTILE.slice(0, 200));
  const filled = (words: readonly string[]): string[] =>
    words.map((word) => word.replace("PATH", path).replace("DATA", world.data).replace("RESTORED", world.folder));
  const commands = await everyCommand(world);
  expect(commands.toSorted()).toEqual(Object.keys(COMMANDS).toSorted());
  for (const command of usualCases(commands, FEW)) {
    for (const [index, words] of (COMMANDS[command] ?? []).entries()) {
      for (const how of index > 0 ? [[]] : LOGS.has(command) ? [[], ["--json"], ["--log-format=json"]] : [[], ["--json"]]) {
        const given = [...command.split(" "), ...filled(words), ...how];
        const { stdout, stderr } = await world.run(...given);
        for (const text of [stdout, stderr])
          expect(ACTING.exec(text)?.[0], JSON.stringify([given, text.slice(0, 2_000)])).toBeUndefined();
      }
    }
  }
  expect(ACTING.exec(readFileSync(world.statusFile, "utf8"))).toBeNull();
});

wholeTest("on a terminal only the program's own codes come out", ["script"], async () => {
  using world = await actingWorld();
  const path = join(world.data, HOSTILE.slice(0, 200));
  for (const words of [
    ["sync"],
    ["status"],
    ["explain", path],
    ["events"],
    ["plan", "--files"],
    ["verify"],
    ["replica_list"],
    ["add_replica", `prefix=${path}`],
  ]) {
    const terminal = new Terminal([programPath(), ...words, "--config", world.configuration], { columns: 200, rows: 50 });
    await terminal.ended;
    const left = terminal.output.replaceAll(OWN, "");
    expect(ACTING.exec(left)?.[0], JSON.stringify([words, left.slice(0, 2_000)])).toBeUndefined();
    expect(terminal.output).not.toContain("\u001b[2J\u001b[31m");
  }
});

wholeTest("neither does the endpoint, nor the log of an agent", [], async () => {
  const make = (world: World): void => world.files(...WORDS.map((word) => ({ path: `${word}/x${word}`, content: word })));
  const scratch = await actingWorld();
  const socket = join(scratch.folder, "s");
  await using agent = await RunningAgent.start({ listen: `unix:${socket}`, replicas: ["backup"], scan: { settle: "0s" } }, make);
  const { world } = agent;
  world.makeTree("backup", [{ path: `${HOST}${world.data}/way${HOSTILE}`, content: "a stranger's" }]);
  world.files({ path: `way${HOSTILE}`, content: "ours" });
  await until(
    "the stranger's file is told of",
    () => JSON.stringify(agent.status).includes("UnknownFileInTheWay") || JSON.stringify(agent.status).includes("FilesFailed"),
  );
  for (const where of ["/status", "/metrics", "/readyz", "/healthz", "/", `/${encodeURIComponent(HOSTILE)}`]) {
    const text = await (await fetch(`http://x${where}`, { unix: socket })).text();
    expect(ACTING.exec(text)?.[0], JSON.stringify([where, text.slice(0, 1_000)])).toBeUndefined();
  }
  const { stdout, stderr } = await agent.stop();
  for (const text of [stdout, stderr]) expect(ACTING.exec(text)?.[0], JSON.stringify(text.slice(0, 2_000))).toBeUndefined();
  scratch[Symbol.dispose]();
});
