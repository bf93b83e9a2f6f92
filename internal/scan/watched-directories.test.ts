/** The bookkeeping of watches: against a simple model of itself, and against a model of the kernel, the scan and everybody who changes the tree. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { DataDirectoryId } from "../inventory/mod.ts";
import { IN, type WatchEvents } from "../sys/mod.ts";
import { type Findings, type Hint, WatchedDirectories } from "./watched-directories.ts";

const id = (number: number) => number as DataDirectoryId;
const ONE = id(1);

type Row = readonly [watch: number, mask: number, name: string];
const events = (rows: readonly Row[]): WatchEvents => ({
  watches: Int32Array.from(rows, ([watch]) => watch),
  masks: Uint32Array.from(rows, ([, mask]) => mask),
  names: rows.map(([, , name]) => name),
});
const NEW_DIRECTORY = IN.create | IN.isDirectory;
const directory = (path: string, dataDirectory = ONE): Hint => ({ kind: "directory", dataDirectory, path });
const name = (path: string, file: string, closed: boolean, dataDirectory = ONE): Hint => ({
  kind: "name",
  dataDirectory,
  directory: path,
  name: file,
  closed,
});
const NOTHING: Findings = { hints: [], remove: [] };

let now = 0;
const know = (watched: WatchedDirectories, dataDirectory: DataDirectoryId, path: string, watch: number): Findings =>
  watched.known(dataDirectory, path, watch, ++now);

describe("watched directories", () => {
  test("files become hints with their directory, closed or not; new directories are to be listed", () => {
    const watched = new WatchedDirectories();
    expect(know(watched, ONE, "/data", 1)).toEqual(NOTHING);
    know(watched, ONE, "/data/a", 2);
    const rows: Row[] = [
      [1, IN.create, "growing"],
      [2, IN.create | IN.closeWrite, "whole"],
      [2, IN.movedTo, "renamed"],
      [2, NEW_DIRECTORY, "new"],
      [1, IN.movedTo | IN.isDirectory, "moved in"],
    ];
    expect(watched.take(events(rows))).toEqual({
      hints: [
        name("/data", "growing", false),
        name("/data/a", "whole", true),
        name("/data/a", "renamed", true),
        directory("/data/a/new"),
        directory("/data/moved in"),
      ],
      remove: [],
    });
  });

  test("the root of the file system can be a data directory", () => {
    const watched = new WatchedDirectories();
    know(watched, ONE, "/", 1);
    know(watched, ONE, "/a", 2);
    expect(watched.take(events([[1, IN.create, "x"]])).hints).toEqual([name("/", "x", false)]);
    expect(watched.take(events([[1, NEW_DIRECTORY, "b"]])).hints).toEqual([directory("/b")]);
    expect(watched.forget(ONE).toSorted()).toEqual([1, 2]);
    expect(watched.size).toBe(0);
  });

  test("what is told before the listing's reply names the watch is handed out by it", () => {
    const watched = new WatchedDirectories();
    know(watched, ONE, "/data", 1);
    const early: Row[] = [
      [7, IN.create, "x"],
      [7, IN.closeWrite, "x"],
      [7, NEW_DIRECTORY, "x"],
    ];
    expect(watched.take(events(early))).toEqual(NOTHING);
    expect(know(watched, ONE, "/data/a", 7).hints).toEqual([name("/data/a", "x", true), directory("/data/a/x")]);
    expect(know(watched, ONE, "/data/a", 7)).toEqual(NOTHING);
  });

  test("a directory that is moved away is dropped with all below it, and is listed anew under its new name", () => {
    const watched = new WatchedDirectories();
    for (const [watch, path] of ["/data", "/data/a", "/data/a/b", "/data/ab"].entries()) know(watched, ONE, path, watch + 1);
    const renamed = watched.take(
      events([
        [1, IN.movedTo | IN.isDirectory, "z"],
        [2, IN.moveSelf, ""],
      ]),
    );
    expect(renamed.hints).toEqual([directory("/data/z"), directory("/data/a")]);
    expect(renamed.remove.toSorted()).toEqual([2, 3]);
    expect(watched.size).toBe(2);
    expect(watched.take(events([[4, IN.create, "x"]])).hints).toEqual([name("/data/ab", "x", false)]);
  });

  test("the newest path of a watch counts, and the newest watch of a path", () => {
    const watched = new WatchedDirectories();
    know(watched, ONE, "/data/a", 1);
    expect(know(watched, ONE, "/data/b", 1)).toEqual(NOTHING);
    expect(watched.take(events([[1, IN.create, "x"]])).hints).toEqual([name("/data/b", "x", false)]);
    // What was told under an older name may have been meant for this one.
    expect(know(watched, ONE, "/data/c", 1)).toEqual({ hints: [directory("/data/c")], remove: [] });
    expect(know(watched, ONE, "/data/b", 1)).toEqual(NOTHING);
    expect(know(watched, ONE, "/data/b", 2)).toEqual({ hints: [], remove: [1] });
    expect(watched.size).toBe(1);
  });

  test("a reply that was overtaken by a newer one changes nothing", () => {
    const watched = new WatchedDirectories();
    watched.known(ONE, "/data/new", 1, 10);
    expect(watched.known(ONE, "/data/old", 1, 9)).toEqual(NOTHING);
    expect(watched.known(ONE, "/data/new", 2, 9)).toEqual(NOTHING);
    expect(watched.take(events([[1, IN.create, "x"]])).hints).toEqual([name("/data/new", "x", false)]);
    expect(watched.size).toBe(1);
  });

  test("a watch that ended is never believed in again: its directory is to be listed", () => {
    const watched = new WatchedDirectories();
    know(watched, ONE, "/data/a", 1);
    expect(watched.take(events([[1, IN.ignored, ""]]))).toEqual({ hints: [directory("/data/a")], remove: [] });
    expect(know(watched, ONE, "/data/a", 1)).toEqual({ hints: [directory("/data/a")], remove: [] });
    know(watched, ONE, "/data/b", 2);
    expect(watched.take(events([[2, IN.deleteSelf | IN.ignored, ""]]))).toEqual(NOTHING);
    expect(watched.take(events([[9, IN.ignored, ""]]))).toEqual(NOTHING);
    expect(know(watched, ONE, "/data/c", 9).hints).toEqual([directory("/data/c")]);
    expect(watched.size).toBe(0);
  });

  test("who comes too late for what was kept is listed whole, once", () => {
    const watched = new WatchedDirectories(2);
    watched.take(
      events([
        [5, IN.create, "a"],
        [6, IN.create, "b"],
        [6, IN.create, "c"],
      ]),
    );
    expect(know(watched, ONE, "/data/e", 5).hints).toEqual([directory("/data/e")]);
    expect(know(watched, ONE, "/data/e", 5)).toEqual(NOTHING);
    expect(know(watched, ONE, "/data/f", 6).hints.length).toBe(2);
    expect(know(watched, ONE, "/data/g", 7)).toEqual(NOTHING);
  });

  test("one data directory is forgotten without the other", () => {
    const watched = new WatchedDirectories();
    know(watched, ONE, "/data", 1);
    know(watched, id(2), "/data", 2);
    expect(watched.forget(ONE)).toEqual([1]);
    expect(watched.forget(ONE)).toEqual([]);
    expect(watched.take(events([[2, IN.create, "x"]])).hints).toEqual([name("/data", "x", false, id(2))]);
  });
});

/** The same promises on a list of paths, with prefixes where the code has a tree, and nothing forgotten. */
class Model {
  readonly watched = new Map<number, { dataDirectory: DataDirectoryId; path: string; told: boolean; since: number }>();
  readonly kept = new Map<number, Row[]>();
  hints: Hint[] = [];
  remove: number[] = [];

  drop(dataDirectory: DataDirectoryId, path: string): void {
    for (const [watch, one] of this.watched) {
      const below = one.path === path || one.path.startsWith(path === "/" ? "/" : `${path}/`);
      if (one.dataDirectory !== dataDirectory || !below) continue;
      this.watched.delete(watch);
      this.remove.push(watch);
    }
  }

  known(dataDirectory: DataDirectoryId, path: string, watch: number, when: number): void {
    const kept = this.kept.get(watch) ?? [];
    if (kept.some(([, mask, file]) => file === "" && (mask & IN.ignored) !== 0)) {
      this.hints.push(directory(path, dataDirectory));
      return;
    }
    const before = this.watched.get(watch);
    const there = [...this.watched.values()].find((one) => one.path === path && one.dataDirectory === dataDirectory);
    if (before !== undefined && before === there) {
      before.since = Math.max(before.since, when);
      return;
    }
    if (when < Math.max(there?.since ?? 0, before?.since ?? 0)) return;
    this.watched.delete(watch);
    if (there !== undefined) this.drop(dataDirectory, path);
    this.watched.set(watch, { dataDirectory, path, told: false, since: when });
    if (before !== undefined) {
      if (before.told) this.hints.push(directory(path, dataDirectory));
      return;
    }
    this.kept.delete(watch);
    for (const row of [...kept.filter(([, , file]) => file !== ""), ...kept.filter(([, , file]) => file === "")]) this.take(row);
  }

  take([watch, mask, file]: Row): void {
    const one = this.watched.get(watch);
    if (one === undefined) {
      const rows = this.kept.get(watch) ?? [];
      const same = rows.findIndex(
        ([, other, name]) => name === file && (file === "" || (other & IN.isDirectory) === (mask & IN.isDirectory)),
      );
      const before = rows[same];
      if (before === undefined) rows.push([watch, mask, file]);
      else rows[same] = [watch, before[1] | mask, file];
      this.kept.set(watch, rows);
      return;
    }
    const { dataDirectory, path } = one;
    if (file !== "") {
      one.told = true;
      if ((mask & IN.isDirectory) === 0) {
        this.hints.push(name(path, file, (mask & (IN.closeWrite | IN.movedTo)) !== 0, dataDirectory));
      } else if ((mask & (IN.create | IN.movedTo)) !== 0) {
        this.hints.push(directory(path === "/" ? `/${file}` : `${path}/${file}`, dataDirectory));
      }
      return;
    }
    const ended = (mask & (IN.deleteSelf | IN.unmount)) !== 0;
    if (ended || (mask & IN.ignored) !== 0) this.watched.delete(watch);
    if (ended || (mask & IN.moveSelf) !== 0) this.drop(dataDirectory, path);
    if (!ended) this.hints.push(directory(path, dataDirectory));
    if ((mask & IN.ignored) !== 0) this.take([watch, mask, ""]);
  }
}

test("a simple model says the same", () => {
  const names = fc.constantFrom("a", "b", "ab");
  const path = fc.array(names, { maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
  const watch = fc.integer({ min: 1, max: 8 });
  const when = fc.nat({ max: 20 });
  const dataDirectory = fc.integer({ min: 1, max: 2 }).map(id);
  const inside: fc.Arbitrary<Row> = fc.tuple(
    watch,
    fc
      .tuple(fc.constantFrom(IN.create, IN.closeWrite, IN.movedTo, IN.create | IN.closeWrite), fc.constantFrom(0, IN.isDirectory))
      .map(([bits, kind]) => bits | kind),
    names,
  );
  const itself: fc.Arbitrary<Row> = fc.tuple(
    watch,
    fc.constantFrom(IN.moveSelf, IN.deleteSelf, IN.ignored, IN.deleteSelf | IN.ignored, IN.unmount, IN.moveSelf | IN.ignored),
    fc.constant(""),
  );
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("known" as const), dataDirectory, path, watch, when }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("take" as const), rows: fc.array(fc.oneof(inside, inside, itself)) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("forget" as const), dataDirectory }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const watched = new WatchedDirectories();
      const model = new Model();
      for (const one of steps) {
        const found: { hints: readonly Hint[]; remove: readonly number[] } =
          one.do === "known"
            ? watched.known(one.dataDirectory, one.path, one.watch, one.when)
            : one.do === "take"
              ? watched.take(events(one.rows))
              : { hints: [], remove: watched.forget(one.dataDirectory) };
        if (one.do === "known") model.known(one.dataDirectory, one.path, one.watch, one.when);
        else if (one.do === "take") for (const row of one.rows) model.take(row);
        else model.drop(one.dataDirectory, "/");
        expect(found.hints).toEqual(model.hints);
        expect(found.remove.toSorted()).toEqual(model.remove.toSorted());
        expect(watched.size).toBe(model.watched.size);
        model.hints = [];
        model.remove = [];
      }
    }),
    { numRuns: 2_000 },
  );
});
