import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environmentOf } from "./_for-tests.ts";
import { renderConfigError } from "./config-error.ts";
import { loadConfiguration, readConfiguration, writeConfiguration } from "./file.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "xtelemdb-config-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const errorOf = async (file: string): Promise<string> =>
  (await loadConfiguration(file, environmentOf())).match(() => "loaded", renderConfigError);

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

  test("that fails changes nothing and leaves nothing behind", async () => {
    await mkdir(join(folder, "x.toml"));
    const error = (await writeConfiguration(join(folder, "x.toml"), "new")).match(() => "written", renderConfigError);
    expect(error).toContain("cannot be written");
    expect(await readdir(folder)).toEqual(["x.toml"]);
  });
});
