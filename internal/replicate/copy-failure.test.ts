/** Every error that the system can give has a reason, a domain, and something to do about it. */
import { expect, test } from "bun:test";
import { errnoText, sysError } from "../sys/mod.ts";
import { volumeError } from "../volume/mod.ts";
import { COPY_FAILURES, failureAtReplica, failureAtSource, isCopyFailureReason } from "./copy-failure.ts";

const ALL = Array.from({ length: 140 }, (_, errno) => sysError("openat", errno));

test("whatever the system says of a source or a replica is told with its path and in words", () => {
  for (const error of ALL) {
    for (const failure of [failureAtSource, failureAtReplica]) {
      const { reason, message } = failure(volumeError("open", "/mnt/backup/x", error));
      expect(isCopyFailureReason(reason)).toBe(true);
      expect(message).toContain("/mnt/backup/x");
      expect(message).toContain(errnoText(error.code));
    }
  }
});

test.each([
  ["ENOENT", 2, "SourceVanished", "ReplicaFailed"],
  ["EACCES", 13, "SourceUnreadable", "NotPermitted"],
  ["EIO", 5, "SourceUnreadable", "ReplicaFailed"],
  ["ENOSPC", 28, "SourceUnreadable", "NoSpace"],
  ["EDQUOT", 122, "SourceUnreadable", "NoSpace"],
  ["EROFS", 30, "SourceUnreadable", "ReadOnly"],
  ["EMFILE", 24, "TooManyOpenFiles", "TooManyOpenFiles"],
  ["ELOOP", 40, "SourceNotRegular", "UnknownFileInTheWay"],
  ["EEXIST", 17, "SourceUnreadable", "UnknownFileInTheWay"],
  ["ENAMETOOLONG", 36, "SourceUnreadable", "NameNotPossible"],
  ["EFBIG", 27, "SourceUnreadable", "FileTooLarge"],
  ["ESTALE", 116, "SourceUnreadable", "ReplicaFailed"],
] as const)("%s", (_code, errno, atSource, atReplica) => {
  const error = volumeError("open", "/x", sysError("openat", errno));
  expect([failureAtSource(error).reason, failureAtReplica(error).reason]).toEqual([atSource, atReplica]);
});

test("every reason says what a person can do, and what the agent does by itself", () => {
  for (const { action, help } of Object.values(COPY_FAILURES)) {
    expect(["retry", "wait", "stall"]).toContain(action);
    expect(help).not.toBe("");
  }
});
