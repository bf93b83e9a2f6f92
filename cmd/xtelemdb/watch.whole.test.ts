/** `status --watch` on a real terminal, and without one. */
import { expect } from "bun:test";
import type { StatusDocument } from "../../internal/agent/mod.ts";
import { programPath, SCRATCH_VARIABLE, Terminal, until, World, wholeTest } from "../../internal/testing/mod.ts";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

const watching = (world: World): Terminal =>
  new Terminal([programPath(), "status", "watch=true", "--config", world.configuration], { columns: 120, rows: 20 });

/** What is on the screen: all that was drawn since it was last begun at the top. */
const screenOf = (terminal: Terminal): string => Bun.stripANSI(terminal.output.split("\u001b[H").at(-1) ?? "");

/** A terminal sends a carriage return of its own before each end of a line. */
const linesOf = (terminal: Terminal): string[] => screenOf(terminal).split(/\r*\n/);

wholeTest("status --watch shows what changes, takes a new size, and gives the terminal back at Ctrl-C", ["script"], async () => {
  using world = new World();
  const terminal = watching(world);
  await until("the first frame", () => screenOf(terminal).includes("no sync is running"));
  expect(terminal.output).toStartWith(ENTER);
  expect(screenOf(terminal)).toContain("NotLookedAtYet");
  world.files({ path: "a", content: "12345" });
  await world.sync();
  await until("the copy", () => screenOf(terminal).includes("1 (5 B)"));
  expect(screenOf(terminal)).toContain("converged");
  expect(screenOf(terminal)).toContain("Ctrl-C");
  await terminal.resize({ columns: 10, rows: 3 });
  await until("a small frame", () => linesOf(terminal).length === 3);
  expect(linesOf(terminal).filter((line) => line.length > 10)).toEqual([]);
  const drawn = terminal.output;
  terminal.press("\u0003");
  expect(await terminal.ended).toBe(0);
  expect(terminal.output.startsWith(drawn)).toBe(true);
  expect(terminal.output).toEndWith(LEAVE);
  expect(terminal.output.split(ENTER)).toHaveLength(2);
  expect(terminal.output.split(LEAVE)).toHaveLength(2);
});

wholeTest(
  "status --watch gives the terminal back at SIGTERM, and when the inventory cannot be read it goes on",
  ["script"],
  async () => {
    using world = new World({ replicas: ["backup", "missing"] });
    Bun.spawnSync(["rmdir", world.path("missing")]);
    world.files({ path: "a", content: "12345" });
    await world.sync();
    const terminal = watching(world);
    await until("the events", () => screenOf(terminal).includes("NEWEST EVENTS"));
    expect(screenOf(terminal)).toContain("RootMissing");
    await Bun.write(world.database, "no database at all");
    await until("the trouble", () => screenOf(terminal).includes("is damaged"));
    expect(screenOf(terminal)).toContain("1 (5 B)");
    await terminal.signal("SIGTERM");
    expect(await terminal.ended).toBe(0);
    expect(terminal.output).toEndWith(LEAVE);
  },
);

wholeTest("events are a table on a terminal", ["script"], async () => {
  using world = new World();
  Bun.spawnSync(["rmdir", world.path("backup")]);
  await world.sync();
  const terminal = new Terminal([programPath(), "events", "--config", world.configuration], { columns: 120, rows: 20 });
  expect(await terminal.ended).toBe(0);
  const [header = "", row = ""] = Bun.stripANSI(terminal.output).split("\r\n");
  expect(header).toMatch(/^LAST SEEN +SEVERITY +SUBJECT +REASON +COUNT +MESSAGE$/);
  expect(row).toContain("RootMissing");
});

wholeTest("status --watch without a terminal says what to do instead", [], async () => {
  using world = new World();
  const outcome = await world.run("status", "--watch");
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(outcome.stderr).toContain("--json");
  expect((await world.run("status", "--watch=perhaps")).code).toBe(2);
  expect((await world.run("status", "watch=false")).code).toBe(3);
});

wholeTest("status --watch --json prints a document a line, only when something is new", [], async () => {
  using world = new World();
  const file = world.path("news");
  const running = Bun.spawn([programPath(), "status", "--watch", "--json", "--config", world.configuration], {
    env: { ...process.env, [SCRATCH_VARIABLE]: world.folder },
    stdout: Bun.file(file),
    stderr: "inherit",
  });
  const lines = async () => (await Bun.file(file).text()).split("\n").filter((line) => line !== "");
  await until("the first document", async () => (await lines()).length === 1);
  world.files({ path: "a", content: "12345" });
  await world.sync();
  const documents = await until("the converged one", async () => {
    const all = (await lines()).map((line): StatusDocument => JSON.parse(line));
    return all.at(-1)?.converged && all;
  });
  expect(documents[0]).toMatchObject({ format: 1, converged: false });
  expect(documents.at(-1)?.replicas).toMatchObject([{ current: { files: 1, bytes: 5 } }]);
  running.kill("SIGTERM");
  expect(await running.exited).toBe(0);
});
