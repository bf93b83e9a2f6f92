import { describe, expect, test } from "bun:test";
import { environmentOf } from "./_for-tests.ts";
import { defaultConfigurationFile, defaultDatabase, defaultStatusFile, systemEnvironment } from "./environment.ts";

const user = { uid: 1000, home: "/home/me" };

describe("the inventory lies", () => {
  test.each([
    ["where systemd says, the first of several", { variables: { STATE_DIRECTORY: "/srv/a:/srv/b" } }, "/srv/a/inventory.db"],
    ["in /var/lib for root", {}, "/var/lib/xtelemdb/inventory.db"],
    ["in /var/lib for root when systemd says nothing", { variables: { STATE_DIRECTORY: "" } }, "/var/lib/xtelemdb/inventory.db"],
    ["in the home of a user", user, "/home/me/.local/state/xtelemdb/inventory.db"],
    ["where XDG says", { ...user, variables: { XDG_STATE_HOME: "/s" } }, "/s/xtelemdb/inventory.db"],
    [
      "at home when XDG says a relative path",
      { ...user, variables: { XDG_STATE_HOME: "s" } },
      "/home/me/.local/state/xtelemdb/inventory.db",
    ],
  ])("%s", (_, changes, path) => {
    expect(defaultDatabase(environmentOf(changes))).toBe(path);
  });
});

test("the status file lies in the runtime directory, else beside the inventory", () => {
  expect(defaultStatusFile(environmentOf({ variables: { RUNTIME_DIRECTORY: "/run/x" } }), "/db/i.db")).toBe("/run/x/status.json");
  expect(defaultStatusFile(environmentOf(), "/db/i.db")).toBe("/db/status.json");
});

describe("the configuration is", () => {
  const own = "/home/me/.config/xtelemdb/xtelemdb.toml";
  const exists = (path: string): boolean => path === own || path === "/root/.config/xtelemdb/xtelemdb.toml";
  test.each([
    ["the one that XTELEMDB_CONFIG names", { variables: { XTELEMDB_CONFIG: "/a.toml" }, ...user, exists }, "/a.toml"],
    ["the user's own when it is there", { ...user, exists }, own],
    ["the machine's when the user has none", user, "/etc/xtelemdb/xtelemdb.toml"],
    ["the machine's for root, whatever lies in root's home", { exists }, "/etc/xtelemdb/xtelemdb.toml"],
  ])("%s", (_, changes, path) => {
    expect(defaultConfigurationFile(environmentOf(changes))).toBe(path);
  });
});

test("the real environment has a name for this machine", () => {
  const environment = systemEnvironment(() => false);
  expect(environment.hostname).not.toBe("");
  expect(environment.home).toStartWith("/");
});
