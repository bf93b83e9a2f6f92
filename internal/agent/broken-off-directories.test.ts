/** What is remembered of directories in which a run was broken off. */
import { expect, test } from "bun:test";
import type { DirectoryId, DirectoryInFlight, ReplicaId } from "../inventory/mod.ts";
import { BrokenOffDirectories } from "./broken-off-directories.ts";

// Ids of an inventory; only their difference counts here.
const REPLICA = 1 as ReplicaId;
const OTHER = 2 as ReplicaId;
const directory = (id: number): DirectoryInFlight => ({ id: id as DirectoryId, host: "exao1", path: `/data/${id}` });
const [ONE, TWO] = [directory(1), directory(2)];

test("what is noted before anything is copied is broken off, at that replica alone, and is cleaned once", () => {
  const brokenOff = new BrokenOffDirectories();
  expect(brokenOff.found(REPLICA, [ONE, TWO])).toEqual([ONE, TWO]);
  expect([brokenOff.has(REPLICA, ONE.id), brokenOff.has(OTHER, ONE.id)]).toEqual([true, false]);
  brokenOff.tidied(REPLICA, [ONE.id]);
  // The one that could not be cleaned is cleaned again.
  expect(brokenOff.found(REPLICA, [ONE, TWO])).toEqual([TWO]);
  expect(brokenOff.has(REPLICA, ONE.id)).toBe(true);
});

test("a directory that is worked in again, and not left, is cleaned again", () => {
  const brokenOff = new BrokenOffDirectories();
  brokenOff.found(REPLICA, [ONE]);
  brokenOff.tidied(REPLICA, [ONE.id]);
  brokenOff.entered(REPLICA, [ONE.id]);
  expect(brokenOff.found(REPLICA, [ONE])).toEqual([ONE]);
});

test("tidy ones are told once, to be looked through for what is pending; those that a group is in are not", () => {
  const brokenOff = new BrokenOffDirectories();
  brokenOff.found(REPLICA, [ONE, TWO]);
  brokenOff.tidied(REPLICA, [ONE.id, TWO.id]);
  brokenOff.entered(REPLICA, [TWO.id]);
  expect(brokenOff.takeUnsettled(REPLICA)).toEqual([ONE.id]);
  expect(brokenOff.takeUnsettled(REPLICA)).toEqual([]);
  // Each pass works in it while a file grows there, and none but the first pays for a look through all of it.
  brokenOff.entered(REPLICA, [ONE.id]);
  brokenOff.tidied(REPLICA, [ONE.id, TWO.id]);
  expect(brokenOff.takeUnsettled(REPLICA)).toEqual([TWO.id]);
});

test("what was never broken off is not remembered, and what is forgotten in the inventory is forgotten", () => {
  const brokenOff = new BrokenOffDirectories();
  brokenOff.entered(REPLICA, [ONE.id]);
  brokenOff.tidied(REPLICA, [ONE.id]);
  expect([brokenOff.has(REPLICA, ONE.id), brokenOff.takeUnsettled(REPLICA)]).toEqual([false, []]);
  brokenOff.found(REPLICA, [ONE]);
  brokenOff.found(REPLICA, []);
  expect(brokenOff.has(REPLICA, ONE.id)).toBe(false);
});
