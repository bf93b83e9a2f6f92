/** The log as those see it who read it: the journal, a person, a pipe, a machine. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { command, type Declaration, programPath, World, wholeTest } from "../../internal/testing/mod.ts";

/** A replica that is not there, and a pattern that matches nothing: a warning each. */
const TROUBLE: Declaration = { scan: { exclude: ["\u0007*.none"] } };

/** Runs the program with its standard error in a file, and that file named as the journal's stream, or another. */
async function runForJournal(world: World, stream: string, ...given: string[]): Promise<string> {
  const log = world.path("journal");
  world.runWith({
    wrapper: ["sh", "-c", `exec 2>"${log}"; JOURNAL_STREAM=$(stat -Lc ${stream} /proc/self/fd/2) exec "$@"`, "sh"],
  });
  await world.run(...given);
  return readFileSync(log, "utf8");
}

wholeTest("under systemd every line has its priority and no time; what ends the program, too", [], async () => {
  using world = new World();
  world.declare(TROUBLE);
  expect(await runForJournal(world, "%d:%i", "sync", "log_level=info")).toBe(
    '<4>exclude pattern "\\u0007*.none" matches nothing\n',
  );
  await Bun.write(world.configuration, "wrong = 1\n");
  const lines = (await runForJournal(world, "%d:%i", "sync")).trimEnd().split("\n");
  expect(lines[0]).toBe(`<3>${world.configuration}:1:1: unknown key "wrong" at the top level`);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.filter((line) => !line.startsWith("<3>"))).toEqual([]);
});

wholeTest("a child of a service whose standard error is another's takes a pipe for a pipe", [], async () => {
  using world = new World();
  world.declare(TROUBLE);
  const log = await runForJournal(world, "%d:1%i", "sync", "--log-level=info");
  expect(log).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ warning exclude pattern "\\u0007\*\.none" matches nothing\n$/);
});

wholeTest("on a terminal a line has the time of day and a coloured level", [], () => {
  using world = new World();
  world.declare(TROUBLE);
  const words = [programPath(), "sync", "--config", world.configuration, "--log-level", "info"];
  const shown = command("env", "-u", "NO_COLOR", "TERM=xterm", "script", "-qec", words.join(" "), "/dev/null");
  expect(shown).toMatch(/^\d\d:\d\d:\d\d|m\d\d:\d\d:\d\d/m);
  expect(shown).toContain('\u001b[33mwarning\u001b[39m exclude pattern "\\u0007*.none" matches nothing');
});

wholeTest("as JSON every line is an object, that of the end too", [], async () => {
  using world = new World();
  world.declare(TROUBLE);
  const outcome = await world.run("sync", "log_format=json", "log_level=info");
  expect(outcome.code).toBe(0);
  const records = outcome.stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records).toEqual([
    { time: expect.stringMatching(/Z$/), level: "warning", message: 'exclude pattern "\\u0007*.none" matches nothing' },
  ]);
  await Bun.write(world.configuration, "wrong = 1\n");
  const failed = await world.run("sync", "--log-format", "json");
  expect(failed.code).toBe(2);
  const [record, ...more] = failed.stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(more).toEqual([]);
  expect(record).toMatchObject({ level: "error", message: expect.stringContaining('unknown key "wrong"') });
});

wholeTest("a form of the log that is not known is refused", [], async () => {
  using world = new World();
  const outcome = await world.run("sync", "log_format=xml");
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain("text, json");
});
