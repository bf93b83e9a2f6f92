/** The README's first command, from a fresh copy of the repository: everything is compiled and run anew. That the dependencies come is shown by whatever set up this run. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { command, repositoryPath, Scratch, start, wholeTest } from "../internal/testing/mod.ts";

const COPY = 'git -C "$1" ls-files -co --exclude-standard -z | (cd "$1" && xargs -0 cp --parents -t "$2" 2>/dev/null) || true';

wholeTest("quickstart works in a fresh copy, on the sample and on directories of one's own, and again", [], async () => {
  using scratch = new Scratch();
  const copy = scratch.path("copy");
  mkdirSync(copy);
  command("sh", "-c", COPY, "sh", repositoryPath(), copy);
  command("cp", "-a", repositoryPath("node_modules"), copy);
  // Or it would be older than the lock file beside it.
  command("touch", `${copy}/node_modules/.package-lock.json`);
  const run = (...words: string[]) =>
    start([`${copy}/scripts/quickstart`, ...words], { cwd: scratch.folder, environment: { HOME: process.env.HOME ?? "/root" } })
      .ended;
  const first = await run();
  expect(first.code, first.stdout + first.stderr).toBe(0);
  expect(first.stdout).toContain("copied 6 (");
  expect(first.stdout).toContain("What to try next");
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining("copied nothing") });
  mkdirSync(scratch.path("own 'data'"));
  mkdirSync(scratch.path("disk"));
  await Bun.write(scratch.path("own 'data'", 'a "file"'), "x");
  command("touch", "-d", "2026-11-01T00:00:00Z", scratch.path("own 'data'", 'a "file"'));
  const own = await run(`--to=${scratch.path("disk")}`, "own 'data'");
  expect(own.code, own.stdout + own.stderr).toBe(0);
  expect(await Bun.file(`${scratch.path("disk")}/exao1${scratch.path("own 'data'", 'a "file"')}`).text()).toBe("x");
  expect(await run("--to=/nowhere")).toMatchObject({ code: 2, stderr: expect.stringContaining("/nowhere") });
  expect(await run("--frobnicate")).toMatchObject({ code: 2 });
});
