import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configurations, environmentOf, FILE, mistakesOf, stateOf } from "./_for-tests.ts";
import { parseConfiguration } from "./parse.ts";

/** The configuration of DESIGN.md section 5, to the letter. */
const DESIGN = `#:schema ./xtelemdb.schema.json
hostname = "exao1"                              # default: this machine's host name
database = "/var/lib/xtelemdb/inventory.db"     # default: $STATE_DIRECTORY, else XDG state
status_file = "/run/xtelemdb/status.json"       # default: $RUNTIME_DIRECTORY, else beside the database

[scan]
interval = "10m"                                # full rescan
watch = true
settle = "10s"                                  # quiet this long, and nobody has it open for writing
max_wait = "1h"                                 # a file that never settles is copied at least this often
exclude = ["*.tmp"]                             # each pattern's match count is reported; a pattern that matches nothing is warned of

[hosts.exao1]
aliases = ["aoc"]
data_dirs = ["/opt/MagAOX/logs", "/opt/MagAOX/rawimages", "/opt/MagAOX/telem", "/opt/MagAOX/cacao"]

[replicas."/mnt/backup"]
local = true

[replicas."ssh://popeye/ceph/magao-x/"]
import_origins = true
`;

/** The lines of the handbook (SEED.md), to the letter. */
const SEED = `[replicas."/mnt/backup"]
local = true

[replicas."ssh://popeye/ceph/magao-x/"]`;

const NO_SSH = { connections: 0, sshOptions: [], timeoutMilliseconds: 60_000 };

describe("the desired state", () => {
  test("of the design's configuration", () => {
    const { hash, ...state } = stateOf(DESIGN);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.parse(JSON.stringify(state))).toEqual({
      file: FILE,
      hostname: "exao1",
      database: "/var/lib/xtelemdb/inventory.db",
      statusFile: "/run/xtelemdb/status.json",
      nice: 0,
      ioPriority: "normal",
      stallTimeoutMilliseconds: 300_000,
      inventoryCopyEveryMilliseconds: 86_400_000,
      status: {},
      scan: {
        intervalMilliseconds: 600_000,
        settleMilliseconds: 10_000,
        maxWaitMilliseconds: 3_600_000,
        watch: true,
        exclude: ["*.tmp"],
        workers: 0,
        maxLoss: 0.2,
        maxEntries: 20_000_000,
      },
      verify: { everyMilliseconds: 0, bandwidthBytes: 0 },
      hosts: [
        {
          name: "exao1",
          aliases: ["aoc"],
          dataDirectories: ["/opt/MagAOX/logs", "/opt/MagAOX/rawimages", "/opt/MagAOX/telem", "/opt/MagAOX/cacao"],
          ssh: NO_SSH,
        },
      ],
      replicas: [
        {
          id: "/mnt/backup",
          written: "/mnt/backup",
          target: { kind: "local", root: "/mnt/backup" },
          importOrigins: false,
          importLayout: "hostname",
          importRewrites: [],
          reserveBytes: 0,
          bandwidthBytes: 0,
          workers: 0,
          ssh: NO_SSH,
        },
        {
          id: "ssh://popeye/ceph/magao-x/",
          written: "ssh://popeye/ceph/magao-x/",
          target: { kind: "ssh", host: "popeye", path: "ceph/magao-x" },
          importOrigins: true,
          importLayout: "hostname",
          importRewrites: [],
          reserveBytes: 0,
          bandwidthBytes: 0,
          workers: 0,
          ssh: NO_SSH,
        },
      ],
    });
  });

  test("of the handbook's lines has both replicas", () => {
    expect(stateOf(SEED).replicas.map(({ written }) => written)).toEqual(["/mnt/backup", "ssh://popeye/ceph/magao-x/"]);
  });

  test("of nothing is every default, for the machine's own name", () => {
    const state = stateOf("", environmentOf({ hostname: "exao1.lco.cl" }));
    expect(String(state.hostname)).toBe("exao1");
    expect([state.hosts, state.replicas]).toEqual([[], []]);
    expect(state.scan.maxLoss).toBe(0.2);
  });

  test("takes Windows line ends and a byte order mark as if they were not there", () => {
    expect(stateOf(`\ufeff${DESIGN.replaceAll("\n", "\r\n")}`)).toEqual(stateOf(DESIGN));
  });
});

describe("the host name", () => {
  const hosts = '[hosts.exao1]\naliases = ["aoc"]\n[hosts."exao2.lco.cl"]\n';
  test.each([
    ["may be an alias", `hostname = "aoc"\n${hosts}`, "x", "exao1"],
    ["of the machine may be an alias", hosts, "aoc", "exao1"],
    ["of the machine may carry a domain that is not declared", hosts, "exao1.lco.cl", "exao1"],
    ["of the machine may carry a domain that is declared", hosts, "exao2.lco.cl", "exao2.lco.cl"],
    ["of a machine that is not declared is its own: it has no data directories", hosts, "popeye", "popeye"],
  ])("%s", (_, text, hostname, own) => {
    expect(String(stateOf(text, environmentOf({ hostname })).hostname)).toBe(own);
  });

  test("that is configured must be declared, when any host is", () => {
    expect(mistakesOf(`hostname = "popeye"\n${hosts}`)).toHaveLength(1);
    expect(mistakesOf('hostname = "popeye"\n')).toEqual([]);
  });

  test("decides whose data directories must not hold a replica", () => {
    const text = '[hosts.exao1]\ndata_dirs = ["/data"]\n[hosts.exao2]\n[replicas."/data/backup"]\n';
    expect(mistakesOf(text, environmentOf({ hostname: "exao1" }))).toHaveLength(1);
    expect(mistakesOf(text, environmentOf({ hostname: "exao2" }))).toHaveLength(0);
  });
});

describe("the hash", () => {
  const hashOf = (text: string): string => stateOf(text).hash;

  test("does not see comments, blanks, or defaults that are spelled out", () => {
    expect(hashOf('# x\n\n[scan]\nsettle = "10000ms" # y\n')).toBe(hashOf(""));
  });

  test("sees everything that is declared", () => {
    const texts = [
      "",
      'hostname = "a"',
      'database = "/x"',
      'status_file = "/x"',
      '[scan]\ninterval = "1m"',
      '[scan]\nsettle = "1m"',
      '[scan]\nmax_wait = "1m"',
      "[scan]\nwatch = false",
      '[scan]\nexclude = ["x"]',
      '[scan]\nmax_loss = "1%"',
      "[hosts.a]",
      '[hosts.a]\naliases = ["b"]',
      '[hosts.a]\ndata_dirs = ["/b"]',
      '[replicas."/a"]',
      '[replicas."/a"]\nimport_origins = true',
      '[replicas."/a"]\nreserve = "1 B"',
    ];
    expect(new Set(texts.map(hashOf)).size).toBe(texts.length);
  });
});

test("no text makes the parser throw, and a mistake always has a place in the text", () => {
  const line = fc.constantFrom(
    "[scan]",
    "[hosts.a]",
    "[[hosts]]",
    '[replicas."/a"]',
    "[replicas]",
    "x = ",
    "interval = ",
    "data_dirs = ",
    "hosts.b.aliases = ",
    '"/c" = ',
    "hostname = ",
    '"10m"',
    '["/a", 1]',
    "{ local = 1 }",
    "[{ a = [1979-05-27] }]",
    "5",
    "# x",
    '"""',
    "\u0000",
    "\r",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(line, fc.constantFrom("\n", "\n", "", " "))), (parts) => {
      const text = parts.map(([a, b]) => a + b).join("");
      parseConfiguration(text, FILE, environmentOf()).mapErr((error) => {
        if (error.kind !== "config-invalid") throw new Error(error.kind);
        expect(error.mistakes.length).toBeGreaterThan(0);
        for (const { line: at, column, help } of error.mistakes) {
          expect(at).toBeLessThanOrEqual(text.split("\n").length);
          expect(column).toBeLessThanOrEqual((text.split("\n")[at - 1] ?? "").length + 1);
          expect(help).not.toBe("");
        }
        return error;
      });
    }),
    { numRuns: 2000 },
  );
});

test("every random configuration loads", () => {
  fc.assert(fc.property(configurations, ({ text, keys }) => stateOf(text).replicas.length === keys.length));
});
