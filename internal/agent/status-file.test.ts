import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { Scratch } from "../testing/mod.ts";
import type { StatusDocument } from "./status-document.ts";
import { StatusFile } from "./status-file.ts";

// Only its JSON text matters here.
const documentOf = (writtenAt: string): StatusDocument => ({ writtenAt }) as StatusDocument;

test("writes that overlap all succeed, the last one stays, and nothing else is left", async () => {
  using scratch = new Scratch();
  const path = scratch.path("run", "status.json");
  const file = new StatusFile(path);
  const writes = Array.from({ length: 50 }, (_, index) => file.write(documentOf(String(index))));
  for (const write of writes) expect((await write).isOk()).toBe(true);
  expect(readdirSync(scratch.path("run"))).toEqual(["status.json"]);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ writtenAt: "49" });
});

test("a file that cannot be written is told with its path, and the next one is tried again", async () => {
  using scratch = new Scratch();
  const path = scratch.path("status.json");
  mkdirSync(scratch.path("status.json", "in the way"), { recursive: true });
  const file = new StatusFile(path);
  for (const attempt of ["1", "2"]) {
    const written = await file.write(documentOf(attempt));
    expect(written._unsafeUnwrapErr()).toMatchObject({ kind: "status-file", path });
  }
  expect(readdirSync(scratch.folder)).toEqual(["status.json"]);
});
