/** What ssh says, and what it means. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isTransportReason } from "../volume-error.ts";
import { sshArguments } from "./ssh-address.ts";
import { sshFailure } from "./ssh-failure.ts";

test.each([
  ["Host key verification failed.", "host-key-unknown"],
  ["No ED25519 host key is known for popeye and you have requested strict checking.", "host-key-unknown"],
  ["@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "host-key-changed"],
  ["me@popeye: Permission denied (publickey,password).", "login-refused"],
  ["Received disconnect from 10.0.0.1: Too many authentication failures", "login-refused"],
  ["subsystem request failed on channel 0", "sftp-missing"],
  ["ssh: Could not resolve hostname popeye: Name or service not known", "host-unreachable"],
  ["ssh: connect to host popeye port 22: Connection refused", "host-unreachable"],
  ["", "host-unreachable"],
] as const)("%j", (said, reason) => {
  expect(sshFailure(said, "connecting")).toBe(reason);
  expect(sshFailure(said, "connected")).toBe("connection-lost");
});

test("whatever is said has a reason", () => {
  fc.assert(fc.property(fc.string(), (said) => isTransportReason(sshFailure(said, "connecting"))));
});

test("no option of an operator takes a promise back, and the host is never an option", () => {
  const given = sshArguments({
    kind: "ssh",
    name: "ssh://x/",
    host: "popeye",
    user: "me",
    port: 2222,
    path: "p",
    options: ["BatchMode=no", "RemoteCommand=rm -rf /"],
    connections: 1,
    mostEntries: 1e9,
    timeoutMilliseconds: 60_000,
  });
  expect(given.indexOf("-oBatchMode=yes")).toBeLessThan(given.indexOf("-oBatchMode=no"));
  expect(given.indexOf("-oRemoteCommand=none")).toBeLessThan(given.indexOf("-oRemoteCommand=rm -rf /"));
  expect(given.slice(-4)).toEqual(["-s", "--", "popeye", "sftp"]);
  expect(given).toContain("-p");
});
