/** Under the most open umask: what the program makes is open to its owner and group only, but for what others must read; copies are as open as their origins. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { command, HOST, MARKER, RunningAgent, type World, wholeTest } from "../../internal/testing/mod.ts";

const OPEN = ["bash", "-c", 'umask 0; exec "$@"', "open"];

/** Of whatever the program makes beside copies: its mode, and why others may read it. The first that fits. */
const MODES: readonly (readonly [name: RegExp, mode: string, why?: string])[] = [
  [/^state(?:\/|$)/, "640"],
  [/^s$/, "660"],
  [/^saved\.db$/, "600"],
  [/^status\.json$/, "644", "whoever watches this machine reads it"],
  [new RegExp(`^\\w+/${MARKER.replaceAll(".", "\\.")}$`), "644", "another agent must know whose disk it is"],
  [/^\w+\/\.xtelemdb-writer-[^/]*\.json$/, "644", "another agent must know who writes there"],
  [/^\w+\/\.xtelemdb-generation-[^/]*\.json$/, "644", "it says no more than how new the disk is"],
  [/^\w+\/\.xtelemdb-(?:inventory|manifest)(?:\/|$)/, "640"],
];

interface Found {
  readonly name: string;
  readonly kind: string;
  readonly mode: string;
}

const everything = (world: World): readonly Found[] =>
  command("find", world.folder, "-mindepth", "1", "-printf", "%m\\t%y\\t%P\\n")
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [mode = "", kind = "", name = ""] = line.split("\t");
      return { mode, kind, name };
    });

/** How much more open than its mode in the table each thing is that the program made; a directory may be entered by who may read it. */
function tooOpen(world: World, given: ReadonlySet<string>): string[] {
  return everything(world).flatMap(({ name, kind, mode }) => {
    if (given.has(name) || new RegExp(`^\\w+/${HOST}(?:/|$)`).test(name)) return [];
    const expected = MODES.find(([pattern]) => pattern.test(name))?.[1] ?? "none";
    const allowed = kind === "d" && expected === "640" ? "750" : expected;
    return mode === allowed ? [] : [`${name}: ${mode}, and not ${allowed}`];
  });
}

wholeTest("what the program makes is not open to others where they need not look", [], async () => {
  await using agent = await RunningAgent.start(
    { replicas: ["backup"], listen: "unix:s", scan: { settle: "0s" } },
    (world) => {
      world.files({ path: "private", content: "private", mode: 0o600 }, { path: "open", content: "open", mode: 0o644 });
      mkdirSync(world.path("restored"));
      world.declare({ replicas: ["backup"], listen: `unix:${world.path("s")}`, scan: { settle: "0s" } });
    },
    { wrapper: OPEN },
  );
  const { world } = agent;
  const given = new Set(["data", "data/private", "data/open", "backup", "restored", "xtelemdb.toml"]);
  await agent.becomes("private", "current");
  expect(tooOpen(world, given)).toEqual([]);
  expect((await agent.stop()).code).toBe(0);
  for (const words of [
    ["sync"],
    ["inventory", "backup", `to=${world.path("saved.db")}`],
    ["restore", `to=${world.path("restored")}`],
  ]) {
    expect((await world.run(...words)).code, words.join(" ")).toBe(0);
  }
  const names = everything(world).map(({ name }) => name);
  for (const made of [
    "state/inventory.db",
    "state/inventory.db.lock",
    "status.json",
    "saved.db",
    `backup/${MARKER}`,
    "backup/.xtelemdb-manifest",
    "backup/.xtelemdb-inventory",
  ])
    expect(names).toContain(made);
  expect(tooOpen(world, new Set([...given, ...names.filter((name) => name.startsWith("restored/"))]))).toEqual([]);
  for (const place of [world.copies(), `${world.path("restored")}${world.data}`]) {
    expect([place, command("stat", "-c", "%a", `${place}/private`, `${place}/open`)]).toEqual([place, "600\n644\n"]);
  }
});
