import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ok } from "neverthrow";
import { environmentOf } from "./_for-tests.ts";
import { renderConfigError } from "./config-error.ts";
import { editConfiguration, loadConfiguration, readConfiguration, tryEdit } from "./file.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "xtelemdb-config-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const errorOf = async (file: string): Promise<string> =>
  (await loadConfiguration(file, environmentOf())).match(() => "loaded", renderConfigError);

const writeConfiguration = (file: string, text: string) => editConfiguration(file, () => ok(text));

describe("reading", () => {
  test("a file that is not there says how to make one", async () => {
    expect(await errorOf(join(folder, "no.toml"))).toContain(`there is no configuration file ${folder}/no.toml\nhelp: `);
  });

  test("a directory is said to be one", async () => {
    expect(await errorOf(folder)).toContain("cannot be read: it is a directory");
  });

  test("a path through a file is unreadable, not missing", async () => {
    await writeFile(join(folder, "a"), "");
    expect(await errorOf(join(folder, "a", "b.toml"))).toContain("cannot be read");
  });

  test("bytes that are not UTF-8 are refused, not mangled", async () => {
    const file = join(folder, "x.toml");
    await writeFile(file, Buffer.from([0x61, 0x3d, 0x22, 0xff, 0x22]));
    expect(await errorOf(file)).toContain("it is not UTF-8 text");
  });

  test.each([
    ["an empty file", ""],
    ["a byte order mark alone", "\ufeff"],
    ["a byte order mark and Windows line ends", '\ufeffhostname = "exao1"\r\n\r\n[scan]\r\nwatch = true\r\n'],
  ])("%s loads", async (_, text) => {
    const file = join(folder, "x.toml");
    await writeFile(file, text);
    expect((await loadConfiguration(file, environmentOf())).isOk()).toBe(true);
    expect((await readConfiguration(file))._unsafeUnwrap()).toBe(text);
  });

  test("relative paths follow the folder of the file, not the working directory", async () => {
    const file = join(folder, "x.toml");
    await writeFile(file, 'database = "state/inventory.db"\nstatus_file = "../status.json"\n');
    const state = (await loadConfiguration(file, environmentOf()))._unsafeUnwrap();
    expect(state.database).toBe(join(folder, "state/inventory.db"));
    expect(state.statusFile).toBe(join(folder, "../status.json"));
  });
});

describe("writing", () => {
  test("makes the file and its folder", async () => {
    const file = join(folder, "etc", "x.toml");
    expect((await writeConfiguration(file, "a")).isOk()).toBe(true);
    expect(await readFile(file, "utf8")).toBe("a");
  });

  test("keeps mode and owner, and leaves nothing else behind", async () => {
    const file = join(folder, "x.toml");
    await writeFile(file, "old");
    await chmod(file, 0o640);
    const old = await stat(file);
    expect((await writeConfiguration(file, "new")).isOk()).toBe(true);
    const now = await stat(file);
    expect([now.mode, now.uid, now.gid]).toEqual([old.mode, old.uid, old.gid]);
    expect(await readdir(folder)).toEqual(["x.toml"]);
  });

  test("replaces the file in one step: who has the old one open still reads the old one", async () => {
    const file = join(folder, "x.toml");
    await writeFile(file, "old");
    const before = await stat(file);
    await writeConfiguration(file, "new");
    expect((await stat(file)).ino).not.toBe(before.ino);
  });

  test("follows a link, and leaves it a link", async () => {
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real", "x.toml"), "old");
    await symlink("real/x.toml", join(folder, "link.toml"));
    expect((await writeConfiguration(join(folder, "link.toml"), "new")).isOk()).toBe(true);
    expect((await lstat(join(folder, "link.toml"))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(folder, "real", "x.toml"), "utf8")).toBe("new");
    expect(await readdir(join(folder, "real"))).toEqual(["x.toml"]);
  });

  test("what somebody saves meanwhile is kept: the edit is done anew", async () => {
    const file = join(folder, "x.toml");
    await writeFile(file, "old ");
    let edits = 0;
    const edited = await editConfiguration(file, (text = "") => {
      edits += 1;
      // As an editor does it, between our reading and our writing.
      if (edits === 1) writeFileSync(file, "saved ");
      return ok(`${text}edited`);
    });
    expect(edited._unsafeUnwrap()).toEqual({ before: "saved ", after: "saved edited" });
    expect(await readFile(file, "utf8")).toBe("saved edited");
    expect(await readdir(folder)).toEqual(["x.toml"]);
  });

  test("a file that somebody makes, or removes, meanwhile is no other than a changed one", async () => {
    const file = join(folder, "x.toml");
    const seen: (string | undefined)[] = [];
    const edit = (text: string | undefined) => {
      seen.push(text);
      if (seen.length === 1) writeFileSync(file, "made");
      if (seen.length === 2) rmSync(file);
      return ok("edited");
    };
    expect((await editConfiguration(file, edit)).isOk()).toBe(true);
    expect(seen).toEqual([undefined, "made", undefined]);
  });

  test("a file that changes again and again is left alone, in words", async () => {
    const file = join(folder, "x.toml");
    let saves = 0;
    const edit = () => {
      writeFileSync(file, `saved ${++saves}`);
      return ok("edited");
    };
    const error = (await editConfiguration(file, edit)).match(() => "written", renderConfigError);
    expect(error).toContain("cannot be written: it changed meanwhile, again and again: try again\nhelp: nothing was changed");
    expect(await readFile(file, "utf8")).toBe(`saved ${saves}`);
    expect(await readdir(folder)).toEqual(["x.toml"]);
  });

  test("many edits at the same time are all done", async () => {
    const file = join(folder, "x.toml");
    // Processes of their own: a temporary file bears the number of its process.
    const script = `import { ok } from "neverthrow"; import { editConfiguration } from ${JSON.stringify(join(import.meta.dir, "file.ts"))};
      const done = await editConfiguration(${JSON.stringify(file)}, (text = "") => ok(text + process.argv[1] + "\\n"));
      process.exit(done.isOk() ? 0 : 1);`;
    const names = ["a", "b", "c", "d", "e", "f"];
    const edits = names.map((name) =>
      Bun.spawn([process.execPath, "-e", script, name], { cwd: join(import.meta.dir, "..", "..") }),
    );
    expect(await Promise.all(edits.map(({ exited }) => exited))).toEqual(names.map(() => 0));
    expect((await readFile(file, "utf8")).split("\n").filter(Boolean).toSorted()).toEqual(names);
  }, 60_000);

  test("a link to what is not there is refused, and stays a link", async () => {
    const link = join(folder, "link.toml");
    await symlink("away/x.toml", link);
    const error = (await writeConfiguration(link, "new")).match(() => "written", renderConfigError);
    expect(error).toContain("it is a link to away/x.toml, which is not there");
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
  });

  test("what an edit would make is told without writing it", async () => {
    const file = join(folder, "x.toml");
    expect((await tryEdit(file, () => ok("new")))._unsafeUnwrap()).toEqual({ before: undefined, after: "new" });
    expect(await readdir(folder)).toEqual([]);
  });

  test("that fails changes nothing and leaves nothing behind", async () => {
    const file = join(folder, "x.toml");
    await writeFile(file, "old");
    const edit = () => {
      rmSync(file);
      mkdirSync(file);
      return ok("new");
    };
    const error = (await editConfiguration(file, edit)).match(() => "written", renderConfigError);
    expect(error).toContain("cannot be written");
    expect(await readdir(folder)).toEqual(["x.toml"]);
  });
});
