import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configurations, stateOf } from "./_for-tests.ts";
import { showConfiguration } from "./show.ts";

describe("the configuration as it is shown", () => {
  test("has every default filled in", () => {
    expect(showConfiguration(stateOf('[hosts.exao1]\n[replicas."/mnt/backup/"]\n[replicas."ssh://popeye/x"]\n'))).toBe(
      `hostname = "exao1"
database = "/var/lib/xtelemdb/inventory.db"
status_file = "/var/lib/xtelemdb/status.json"
nice = 0
io_priority = "normal"
stall_timeout = "5m"
inventory_copy_every = "1d"

[scan]
interval = "10m"
watch = true
settle = "10s"
max_wait = "1h"
exclude = []
workers = 0
max_loss = "20%"
max_entries = 20000000

[status]
allow_remote = false

[verify]
every = "0s"
bandwidth = "0 B"

[hosts."exao1"]
aliases = []
data_dirs = []

[replicas."/mnt/backup/"]
local = true
import_origins = false
import_layout = "hostname"
import_rewrite = []
reserve = "0 B"
bandwidth = "0 B"
workers = 0

[replicas."ssh://popeye/x"]
import_origins = false
import_layout = "hostname"
import_rewrite = []
reserve = "0 B"
bandwidth = "0 B"
workers = 0
connections = 0
ssh_options = []
timeout = "1m"
`,
    );
  });

  test("loads again to the same desired state, of the same generation", () => {
    fc.assert(
      fc.property(configurations, ({ text }) => {
        const state = stateOf(text);
        expect(stateOf(showConfiguration(state))).toEqual(state);
      }),
    );
  });

  test.each([
    ["127.0.0.1:9440", false],
    ["unix:/run/xtelemdb/status.sock", false],
    ["[::1]:9440", false],
    ["[::]:9440", true],
    ["exao1:9440", true],
  ])("says where the endpoint listens (%p), and whether that took leave", (listen, allowRemote) => {
    const state = stateOf(`stall_timeout = "90s"\n[status]\nlisten = "${listen}"\nallow_remote = ${allowRemote}\n`);
    const shown = showConfiguration(state);
    expect(shown).toContain(`\n[status]\nlisten = "${listen}"\nallow_remote = ${allowRemote}\n`);
    expect(stateOf(shown)).toEqual(state);
  });

  test("loads again whatever the texts in it hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary-ascii" }), (a, b) => {
        const closed = `x${a}${b}`.replaceAll("\0", "").replaceAll(/[[{]/g, "(");
        const pattern = JSON.stringify(closed).replaceAll("\u007f", "\\u007f");
        const state = stateOf(`database = "/db/é x"\n[scan]\nexclude = [${pattern}]\n`);
        expect(stateOf(showConfiguration(state))).toEqual(state);
      }),
    );
  });
});
