import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { configurations, environmentOf, FILE, replicaKeys, stateOf, wanted } from "./_for-tests.ts";
import { renderConfigError } from "./config-error.ts";
import { REPLICA_DEFAULTS } from "./desired-state.ts";
import { addReplica, removeReplica } from "./edit.ts";
import { replicaKey } from "./names.ts";

const add = (text: string, key: string, importOrigins = false) => addReplica(text, FILE, environmentOf(), { key, importOrigins });
const remove = (text: string, key: string) => removeReplica(text, FILE, environmentOf(), key);
const refusalOf = (result: ReturnType<typeof add>): string =>
  result.match(
    (text) => `accepted: ${text}`,
    (error) => renderConfigError(error),
  );

describe("adding a replica", () => {
  test("to nothing writes the tables of the handbook", () => {
    const one = wanted(add("", "/mnt/backup"));
    expect(one).toBe('[replicas."/mnt/backup"]\nlocal = true\n');
    expect(wanted(add(one, "ssh://popeye/ceph/magao-x/", true))).toBe(
      `${one}\n[replicas."ssh://popeye/ceph/magao-x/"]\nimport_origins = true\n`,
    );
  });

  test("puts it after the last replica, with its comments, when a blank line follows", () => {
    const text = '[replicas."/a"]\nlocal = true\n# reserve = "1 GiB"\n\n# Scanning.\n[scan]\nwatch = true\n';
    expect(wanted(add(text, "/b"))).toBe(
      '[replicas."/a"]\nlocal = true\n# reserve = "1 GiB"\n\n[replicas."/b"]\nlocal = true\n\n# Scanning.\n[scan]\nwatch = true\n',
    );
  });

  test("puts it at the end when the comment after the last replica may be the next table's", () => {
    const text = '[replicas."/a"]\n# Scanning.\n[scan]\nwatch = true';
    expect(wanted(add(text, "/b"))).toBe(`${text}\n\n[replicas."/b"]\nlocal = true\n`);
  });

  test("keeps the line ends and the byte order mark of the file", () => {
    expect(wanted(add('\ufeffhostname = "exao1"\r\n', "/b"))).toBe(
      '\ufeffhostname = "exao1"\r\n\r\n[replicas."/b"]\r\nlocal = true\r\n',
    );
  });

  test("that is there already is refused, in whatever spelling, with its line", () => {
    const text = '# mine\n[replicas."ssh://popeye/x/"]\n';
    expect(refusalOf(add(text, "ssh://popeye/x"))).toBe(
      `${FILE}: the replica "ssh://popeye/x/" is declared already, on line 2\nhelp: "xtelemdb status" tells how it stands, and what to do; for a new volume in the place of one that is gone for good: new_volume=true`,
    );
  });

  test("that would copy itself is refused, with the reason, and nothing is written", () => {
    const text = '[hosts.exao1]\ndata_dirs = ["/data"]\n';
    const refusal = refusalOf(add(text, "/data/backup"));
    expect(refusal).toContain('nothing was changed: the replica "/data/backup" and the data directory "/data" lie in each other');
  });

  test("to an inline table, which TOML closes, is refused with the line to edit", () => {
    expect(refusalOf(add('hostname = "exao1"\nreplicas = { "/a" = {} }\n', "/b"))).toContain("add it by hand: line 2");
  });

  test("to a file with mistakes shows the mistakes", () => {
    expect(refusalOf(add("[scan]\nsettel = 1\n", "/b"))).toContain('did you mean "settle"?');
  });

  test("with a key that is none is refused", () => {
    expect(refusalOf(add("", "mnt/backup"))).toContain("is not an absolute path");
  });
});

describe("removing a replica", () => {
  test.each([
    ["its table, with the comments right above", 'a\n# About b.\n[replicas."/b"]\nlocal = true # b\n\nc\n', "a\n\nc\n"],
    ["one of the blank lines around it", 'a\n\n[replicas."/b"]\n\nc\n', "a\n\nc\n"],
    ["a table at the end", 'a\n\n[replicas."/b"]\nlocal = true', "a\n"],
    ["a table at the beginning, but not the schema", '#:schema ./x.json\n[replicas."/b"]\n\nc\n', "#:schema ./x.json\n\nc\n"],
    [
      "an inline table in [replicas]",
      'a\n[replicas]\n# About b.\n"/b" = { local = true } # b\n"/d" = {}\nc\n',
      'a\n[replicas]\n"/d" = {}\nc\n',
    ],
    [
      "dotted keys in [replicas]",
      "a\n[replicas]\n'/b'.local = true\n\"/d\".local = true\n\"/b\".reserve = '0'\nc\n",
      'a\n[replicas]\n"/d".local = true\nc\n',
    ],
    ["a header with blanks and a literal key", "a\n\n[ replicas . '/b' ]\r\nlocal=true\r\n\nc\n", "a\n\nc\n"],
  ])("takes out %s", (_, text, after) => {
    const fill = (pattern: string): string =>
      pattern.replace(/^a\n/, '# a\nhostname = "exao1"\n').replace(/c\n$/, "# c\n[scan]\nwatch = true\n");
    expect(wanted(remove(fill(text), "/b"))).toBe(fill(after));
  });

  test("takes out dotted keys at the top", () => {
    expect(wanted(remove('replicas."/b".local = true\nhostname = "exao1"\n', "/b/"))).toBe('hostname = "exao1"\n');
  });

  test("finds it in whatever spelling", () => {
    expect(wanted(remove('[replicas."ssh://popeye//x/"]\n', "ssh://popeye///x"))).toBe("");
  });

  test("that is not there is refused with those that are", () => {
    expect(refusalOf(remove('[replicas."/a"]\n[replicas."/b"]\n', "/c"))).toBe(
      `${FILE}: there is no replica "/c"\nhelp: declared are: /a, /b`,
    );
  });

  test("that shares its line with something else is refused with the line", () => {
    const text = 'hostname = "exao1"\nreplicas = { "/a" = {}, "/b" = {} }\n';
    for (const key of ["/a", "/b"]) expect(refusalOf(remove(text, key))).toContain("remove it by hand: line 2");
  });
});

describe("over random configurations", () => {
  const linesOf = (text: string): string[] => text.split(/\r?\n/);

  /** Every line of the shorter text stands in the longer one, in the same order. */
  const isPartOf = (part: string, whole: string): boolean => {
    const lines = linesOf(whole);
    let at = 0;
    for (const line of linesOf(part)) {
      at = lines.indexOf(line, at) + 1;
      if (at === 0) return false;
    }
    return true;
  };

  test("adding changes that replica and nothing else, and removing it gives the text back", () => {
    fc.assert(
      fc.property(configurations, replicaKeys, fc.boolean(), ({ text }, key, importOrigins) => {
        const before = stateOf(text);
        const { id, target } = wanted(replicaKey(key));
        fc.pre(before.replicas.every((replica) => replica.id !== id));
        const longer = wanted(add(text, key, importOrigins));
        const after = stateOf(longer);
        expect(after.replicas.filter((replica) => replica.id !== id)).toEqual([...before.replicas]);
        expect(after.replicas.find((replica) => replica.id === id)).toEqual({
          id,
          target,
          written: key,
          importOrigins,
          ...REPLICA_DEFAULTS,
        });
        expect({ ...after, replicas: [], hash: "" }).toEqual({ ...before, replicas: [], hash: "" });
        const whole = text.endsWith("\n") ? text : `${text}${text.includes("\r\n") ? "\r\n" : "\n"}`;
        expect(isPartOf(whole, longer)).toBe(true);
        expect(wanted(remove(longer, key))).toBe(whole);
      }),
      { numRuns: 300 },
    );
  });

  test("removing changes that replica and nothing else", () => {
    fc.assert(
      fc.property(configurations, fc.nat(), ({ text, keys }, choice) => {
        fc.pre(keys.length > 0);
        const key = keys[choice % keys.length] ?? "";
        const before = stateOf(text);
        const shorter = wanted(remove(text, key));
        const after = stateOf(shorter);
        const { id } = wanted(replicaKey(key));
        expect(after.replicas).toEqual(before.replicas.filter((replica) => replica.id !== id));
        expect({ ...after, replicas: [], hash: "" }).toEqual({ ...before, replicas: [], hash: "" });
        expect(isPartOf(shorter.replace(/\r?\n$/, ""), text)).toBe(true);
        // What went is the replica's own, comments and blank lines.
        const gone = linesOf(text).length - linesOf(shorter).length;
        expect(gone).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  test("no configuration is hurt by an edit that is refused or done twice", () => {
    fc.assert(
      fc.property(configurations, ({ text, keys }) => {
        for (const key of keys) {
          expect(add(text, key).isErr()).toBe(true);
          expect(remove(wanted(remove(text, key)), key).isErr()).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
  });
});
