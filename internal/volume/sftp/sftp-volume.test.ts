/** What a far end must not be able to do: prove an absence by silence, or keep us waiting for ever. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EntryVisitor } from "../../sys/mod.ts";
import { makeScratch, Scratch, SFTP_SERVER, wholeTest } from "../../testing/mod.ts";
import { closeIdleConnections, openVolume } from "../mod.ts";

/** Opens a volume through a script in the place of ssh. */
function openThrough(script: string, root: string) {
  const ssh = join(makeScratch(), "ssh");
  writeFileSync(ssh, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env.XTELEMDB_SSH = ssh;
  // The host's name keeps the connections of one test from the others.
  const address = { kind: "ssh", name: `ssh://far/${root}`, host: ssh, path: root, options: [], connections: 1 } as const;
  return openVolume({ ...address, timeoutMilliseconds: 5_000 });
}
afterAll(() => closeIdleConnections());

const nothing = (): void => undefined;
const VISITOR: EntryVisitor = { file: nothing, directory: nothing, symlink: nothing, special: nothing, unreadable: nothing };

wholeTest(
  "a directory whose names may be read and not looked at is unreadable, not empty",
  ["sshd", "root", "setpriv"],
  async () => {
    using scratch = new Scratch();
    mkdirSync(scratch.path("dir"));
    writeFileSync(scratch.path("dir/file"), "x");
    chmodSync(scratch.path("dir"), 0o644);
    const asNobody = `exec setpriv --reuid=65534 --regid=65534 --clear-groups ${SFTP_SERVER}`;
    const volume = (await openThrough(asNobody, scratch.folder))._unsafeUnwrap();
    const directory = (await volume.openDirectory("dir"))._unsafeUnwrap();
    expect((await directory.entries(VISITOR))._unsafeUnwrapErr().reason).toBe("denied");
    chmodSync(scratch.path("dir"), 0o755);
    expect((await directory.entries(VISITOR)).isOk()).toBe(true);
    directory.close();
    volume.close();
  },
);

test.each([
  ["an old version", "printf '\\000\\000\\000\\005\\002\\000\\000\\000\\002'; cat >/dev/null", "sftp-missing"],
  ["a greeting that is cut off", "printf '\\000\\000\\000\\002\\002\\000'; cat >/dev/null", "sftp-missing"],
  ["an answer to what was never asked", "printf '\\000\\000\\000\\005\\145\\000\\000\\000\\011'; cat >/dev/null", "sftp-missing"],
  ["an endless packet", "printf '\\377\\377\\377\\377'; cat >/dev/null", "sftp-missing"],
  ["nothing, and its end", "exit 255", "host-unreachable"],
] as const)("a far end that sends %s is given up", async (_what, script, reason) => {
  using scratch = new Scratch();
  expect((await openThrough(script, scratch.folder))._unsafeUnwrapErr().reason).toBe(reason);
});
