/** What a status means depends on what was asked. */
import { expect, test } from "bun:test";
import { STATUS } from "./packets.ts";
import { sftpError } from "./sftp-errors.ts";

const badMessage = { kind: "status", code: STATUS.badMessage, words: "Bad message" } as const;

test.each([
  ["create", "/far/x", "name-not-allowed"],
  ["rename to", "/far/x", "name-not-allowed"],
  ["create", `/far/${"ü".repeat(128)}`, "name-too-long"],
  ["write", "/far/x", "other"],
  ["flush", "/far", "other"],
  ["list", "/far", "other"],
] as const)('"bad message" to "%s %s" is read as %s', (operation, path, reason) => {
  expect(sftpError(operation, path, badMessage).reason).toBe(reason);
});
