import { expect, test } from "bun:test";
import { suggest } from "./suggest.ts";

const known = ["data_dirs", "aliases", "add_replica", "interval", "sync"];

test.each([
  ["datadirs", "data_dirs"],
  ["data-dirs", "data_dirs"],
  ["Data_Dirs", "data_dirs"],
  ["data_dir", "data_dirs"],
  ["alias", "aliases"],
  ["add-replica", "add_replica"],
  ["intreval", "interval"],
  ["snyc", "sync"],
])("%p most likely stands for %p", (word, meant) => {
  expect(suggest(word, known)).toBe(meant);
});

test.each(["", "x", "frobnicate", "password"])("%p stands for none of them", (word) => {
  expect(suggest(word, known)).toBeUndefined();
});

test("nothing is suggested out of nothing", () => {
  expect(suggest("sync", [])).toBeUndefined();
});
