/** What a far end must not be able to do: prove an absence by silence, or keep us waiting for ever. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EntryVisitor } from "../../sys/mod.ts";
import { makeScratch, Scratch, SFTP_SERVER, wholeTest } from "../../testing/mod.ts";
import { closeIdleConnections, openVolume } from "../mod.ts";

/** Opens a volume through a script in the place of ssh. */
function openThrough(script: string, root: string, connections = 1) {
  const ssh = join(makeScratch(), "ssh");
  writeFileSync(ssh, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env.XTELEMDB_SSH = ssh;
  // The host's name keeps the connections of one test from the others.
  const address = {
    kind: "ssh",
    name: `ssh://far/${root}`,
    host: ssh,
    path: root,
    options: [],
    mostEntries: 1e9,
    connections,
  } as const;
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

const served = existsSync(SFTP_SERVER) ? test : test.skip;

served("a login that is dropped before a word is said is tried again, a refused one is not", async () => {
  using scratch = new Scratch();
  const busy = (words: string, times: number): string =>
    `echo login >> ${scratch.path("logins")}
     if [ $(grep -c . ${scratch.path("logins")}) -le ${times} ]; then echo '${words}' >&2; exit 255; fi
     exec ${SFTP_SERVER}`;
  const dropped = "kex_exchange_identification: Connection closed by remote host";
  const volume = (await openThrough(busy(dropped, 2), scratch.folder))._unsafeUnwrap();
  volume.close();
  const logins = () => readFileSync(scratch.path("logins"), "utf8").trim().split("\n").length;
  expect(logins()).toBe(3);
  writeFileSync(scratch.path("logins"), "");
  const refused = await openThrough(busy("me@far: Permission denied (publickey).", 1), scratch.folder);
  expect(refused._unsafeUnwrapErr().reason).toBe("login-refused");
  expect(logins()).toBe(1);
});

served("large files go over connections of their own, as many as there may be; small ones share", async () => {
  using scratch = new Scratch();
  const script = `echo login >> ${scratch.path("logins")}; exec ${SFTP_SERVER}`;
  const logins = () => readFileSync(scratch.path("logins"), "utf8").trim().split("\n").length;
  const volume = (await openThrough(script, scratch.folder, 3))._unsafeUnwrap();
  const root = (await volume.openDirectory(""))._unsafeUnwrap();
  const create = (size: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_none, index) => {
        const file = (await root.createTemporary(`file-${size}-${index}`, size))._unsafeUnwrap();
        return file;
      }),
    );
  const small = await create(1000, 5);
  expect(logins()).toBe(1);
  const first = await create(5 << 20, 1);
  expect(logins()).toBe(1);
  const more = await create(6 << 20, 4);
  expect(logins()).toBe(3);
  for (const file of [...small, ...first, ...more]) file.close();
  volume.close();
});
