import { expect, test } from "bun:test";
import { parseConfiguration } from "../../internal/config/mod.ts";
import { replicaIdOf } from "./replica-argument.ts";

const FILE = "/etc/xtelemdb/xtelemdb.toml";
const ENVIRONMENT = { variables: {}, hostname: "exao1", uid: 0, home: "/root", exists: () => false };

const state = parseConfiguration(
  '[hosts.exao1]\ndata_dirs = ["/data"]\n[replicas."ssh://popeye/ceph//magao-x/"]\n[replicas."/mnt//backup/"]\nlocal = true\n',
  FILE,
  ENVIRONMENT,
)._unsafeUnwrap();

test("a replica is known however its key is written, there and here", () => {
  for (const given of [
    { prefix: "ssh://popeye/ceph/magao-x/" },
    { prefix: "ssh://popeye/ceph/magao-x" },
    { host: "popeye", prefix: "ceph/magao-x" },
    { host: "popeye", prefix: "ceph/magao-x/" },
  ])
    expect<string | undefined>(replicaIdOf(state, given)._unsafeUnwrap()).toBe("ssh://popeye/ceph/magao-x/");
  for (const prefix of ["/mnt/backup", "/mnt/backup/", "/mnt//backup"])
    expect<string | undefined>(replicaIdOf(state, { prefix })._unsafeUnwrap()).toBe("/mnt/backup");
});

test("what is no replica is told with those that are", () => {
  expect(replicaIdOf(state, { prefix: "/mnt/other" })._unsafeUnwrapErr()).toContain("declared are: ");
  expect(replicaIdOf(state, { host: "popeye" })._unsafeUnwrapErr()).toContain("host belongs to a prefix");
});
