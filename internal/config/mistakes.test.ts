import { describe, expect, test } from "bun:test";
import { environmentOf, FILE, mistakesOf } from "./_for-tests.ts";
import { renderConfigError } from "./config-error.ts";
import { parseConfiguration } from "./parse.ts";

describe("every mistake is told with its place, what is wrong and what to do", () => {
  test.each<[string, string[]]>([
    ['hostname = "exao1"\nhostnme = "x"\n', ['2:1: unknown key "hostnme" at the top level | did you mean "hostname"?']],
    ["[hosts.exao1]\ndatadirs = []\n", ['2:1: unknown key "datadirs" in [hosts.exao1] | did you mean "data_dirs"?']],
    ['[scan]\nsettel = "10s"\n', ['2:1: unknown key "settel" in [scan] | did you mean "settle"?']],
    [
      '[replicas."/a"]\nimport-origins = true\n',
      ['2:1: unknown key "import-origins" in [replicas."/a"] | did you mean "import_origins"?'],
    ],
    ["[statsu]\nport = 1\n", ['1:2: unknown key "statsu" at the top level | did you mean "status"?']],
    ["[status]\nlisten_on = 1\n", ['2:1: unknown key "listen_on" in [status] | did you mean "listen"?']],
    ["status = 5\n", ['1:10: "status" is a whole number (5), but a table is expected | write [status]']],
    [
      "[status]\nlisten = 9440\n",
      ['2:10: "listen" is a whole number (9440), but a string in quotes is expected | write listen = "127.0.0.1:9440"'],
    ],
    [
      '[status]\nlisten = "9440"\n',
      [
        '2:10: the address "9440" is neither "HOST:PORT" nor "unix:/PATH" | write "127.0.0.1:9440", "[::1]:9440" or "unix:/run/xtelemdb/status.sock"',
      ],
    ],
    [
      '[status]\nlisten = "0.0.0.0:9440"\n',
      [
        '2:10: the address "0.0.0.0:9440" may be reached from other machines, and the endpoint asks nobody who they are | write "127.0.0.1:9440", or add allow_remote = true',
      ],
    ],
    ['[status]\nlisten = "0.0.0.0:9440"\nallow_remote = true\n', []],
    [
      'status_file = "/run/x"\n[status]\nlisten = "unix:/run/x"\n',
      ['3:10: the address "unix:/run/x" is that of another file of xtelemdb | give each its own name'],
    ],
    [
      'stall_timeout = "9s"\n',
      ['1:17: "stall_timeout" is "9s", but a duration of at least "10s" is expected | write stall_timeout = "5m"'],
    ],
    [
      'stall_timeout = "25d"\n',
      ['1:17: "stall_timeout" is "25d", but a duration of at most "24d" is expected | write stall_timeout = "5m"'],
    ],
    [
      "hosts.exao1.frobnicate = 1\n",
      [
        '1:13: unknown key "frobnicate" in [hosts.exao1] | known here: aliases, data_dirs, address, connections, ssh_options, timeout',
      ],
    ],
    ['replicas = { "/a" = { lcoal = true } }\n', ['1:23: unknown key "lcoal" in [replicas."/a"] | did you mean "local"?']],
    ["hostname = 5\n", ['1:12: "hostname" is a whole number (5), but a string in quotes is expected | write hostname = "exao1"']],
    ['[scan]\nwatch = "yes"\n', ['2:9: "watch" is a string ("yes"), but true or false is expected | write watch = true']],
    [
      '[scan]\nexclude = "*.tmp"\n',
      ['2:11: "exclude" is a string ("*.tmp"), but an array such as ["..."] is expected | write exclude = ["*.tmp"]'],
    ],
    [
      '[scan]\nexclude = ["*.tmp", "!keep*"]\n',
      [
        '2:21: "exclude" is "!keep*", but a pattern that names what to leave out (there is no negation) is expected | write exclude = ["*.tmp"]',
      ],
    ],
    [
      '[scan]\nexclude = ["*.{tmp,bak"]\n',
      [
        '2:12: "exclude" is "*.{tmp,bak", but a pattern in which every "[" and "{" is closed is expected | write exclude = ["*.tmp"]',
      ],
    ],
    [
      '[scan]\nexclude = ["a", 5]\n',
      ['2:17: "exclude" is a whole number (5), but a string in quotes is expected | write exclude = ["*.tmp"]'],
    ],
    ["scan = 5\n", ['1:8: "scan" is a whole number (5), but a table is expected | write [scan]']],
    ['hosts = ["exao1"]\n', ['1:9: "hosts" is an array, but a table is expected | write [hosts.exao1]']],
    ['[[hosts]]\nname = "exao1"\n', ['1:3: "hosts" is an array, but a table is expected | write [hosts.exao1]']],
    ['[hosts]\nexao1 = "x"\n', ['2:9: "exao1" is a string ("x"), but a table is expected | write [hosts.exao1]']],
    [
      "[hosts.exao1]\ndata_dirs = 1979-05-27\n",
      ['2:13: "data_dirs" is a date, but an array such as ["..."] is expected | write data_dirs = ["/opt/MagAOX/logs"]'],
    ],
    ['[replicas]\n"/a" = true\n', ['2:8: "/a" is a boolean (true), but a table is expected | write [replicas."/mnt/backup"]']],
    [
      "[scan]\ninterval = 600\n",
      ['2:12: "interval" is a whole number (600), but a string in quotes is expected | write interval = "10m"'],
    ],
    [
      '[scan]\ninterval = "10 minutes"\n',
      [
        '2:12: "interval" is "10 minutes", but a duration such as "10s", "10m", "1h30m", "30d" is expected | write interval = "10m"',
      ],
    ],
    [
      '[scan]\ninterval = "0s"\n',
      ['2:12: "interval" is "0s", but a duration longer than 0 is expected | write interval = "10m"'],
    ],
    [
      '[scan]\ninterval = "-5m"\n',
      ['2:12: "interval" is "-5m", but a duration such as "10s", "10m", "1h30m", "30d" is expected | write interval = "10m"'],
    ],
    [
      '[scan]\ninterval = "30d"\n',
      ['2:12: "interval" is "30d", but a duration of at most "24d" is expected | write interval = "10m"'],
    ],
    ['[scan]\nmax_wait = "0s"\n', ['2:12: "max_wait" is "0s", but a duration longer than 0 is expected | write max_wait = "1h"']],
    [
      '[scan]\nmax_loss = "120%"\n',
      ['2:12: "max_loss" is "120%", but a share such as "20%" is expected | write max_loss = "20%"'],
    ],
    [
      "[scan]\nmax_loss = 0.2\n",
      ['2:12: "max_loss" is a number (0.2), but a string in quotes is expected | write max_loss = "20%"'],
    ],
    [
      '[scan]\nexclude = [\n  "*.tmp",\n  "",\n]\n',
      ['4:3: "exclude" is "", but a pattern such as "*.tmp" or "logs/*.old" is expected | write exclude = ["*.tmp"]'],
    ],
    [
      '[replicas."/a"]\nreserve = "1 Gib"\n',
      ['2:11: "reserve" is "1 Gib", but a size such as "500 MB", "1 GiB" is expected | write reserve = "1 GiB"'],
    ],
    [
      '[hosts.exao1]\ndata_dirs = ["/ok", "opt/logs"]\n',
      [
        '2:21: the data directory "opt/logs" is not an absolute path: it must begin with "/" | write it as an absolute path, such as "/opt/MagAOX/logs"',
      ],
    ],
    [
      '[hosts.exao1]\ndata_dirs = ["/a/../b"]\n',
      ['2:14: the data directory "/a/../b" must not hold "." or ".." | write it as an absolute path, such as "/opt/MagAOX/logs"'],
    ],
    [
      '[hosts.exao1]\ndata_dirs = ["/a", "/a/b"]\n',
      ['2:20: the data directory "/a/b" lies in "/a" | keep one: whatever lies in a data directory is covered with it'],
    ],
    [
      '[hosts.exao1]\ndata_dirs = ["/a/", "/a"]\n',
      ['2:21: the data directory "/a" is listed twice | keep one: whatever lies in a data directory is covered with it'],
    ],
    [
      '[hosts."a/b"]\n',
      [
        '1:8: the host name "a/b" is no host name: it becomes a folder at each replica, so no "/", "." or ".." | choose another name',
      ],
    ],
    [
      '[hosts.a]\n[hosts.b]\naliases = ["a"]\n',
      ['3:12: the name "a" is taken: line 1 has it already | every name and alias belongs to one host'],
    ],
    [
      '[hosts.a]\naliases = ["x", "x"]\n',
      ['2:17: the name "x" is taken: line 2 has it already | every name and alias belongs to one host'],
    ],
    [
      'hostname = "exao9"\n[hosts.exao1]\n[hosts.exao2]\n',
      ['1:12: hostname "exao9" is not declared in [hosts] | declared are: exao1, exao2; add [hosts.exao9] or correct the name'],
    ],
    ['hostname = ""\n', ['1:12: hostname "" is empty: a host needs a name | set hostname = "exao1"']],
    [
      '[replicas."mnt/backup"]\n',
      [
        '1:11: the replica "mnt/backup" is not an absolute path: it must begin with "/" | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      '[replicas."/"]\n',
      [
        '1:11: the replica "/" is the root of the whole machine: name the folder where the copies are to lie | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      '[replicas."s3://bucket/x"]\n',
      [
        '1:11: the replica "s3://bucket/x" has a scheme that is not known: a replica is a path, or "ssh://host/path" | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      '[replicas."ssh://popeye"]\n',
      [
        '1:11: the replica "ssh://popeye" has no path: write "ssh://host/path" (in the login directory) or "ssh://host//path" | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      '[replicas."ssh://-oProxyCommand=x/y"]\n',
      [
        '1:11: the replica "ssh://-oProxyCommand=x/y" names the host "-oProxyCommand=x": letters, digits, ".", "_" and "-" only, and no "-" at its beginning | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      '[replicas."ssh://popeye:99999/x"]\n',
      [
        '1:11: the replica "ssh://popeye:99999/x" names the port "99999": a number from 1 to 65535 | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      '[replicas."/a"]\n\n[replicas."/a/"]\n',
      ['3:11: the replica "/a/" is declared twice: line 1 names the same place | remove one of the two'],
    ],
    [
      '[replicas."/a"]\n[replicas."/a/b"]\n',
      ['2:11: the replica "/a/b" lies in the replica "/a" | give each replica a place of its own'],
    ],
    [
      '[replicas."ssh://popeye/x"]\nlocal = true\n',
      ['2:9: "ssh://popeye/x" is on another host, so it is not local | remove "local"'],
    ],
    [
      '[replicas."/a"]\nlocal = false\n',
      ['2:9: "/a" is a path on this machine, so it is local | remove "local", or write the URL "ssh://host/path/"'],
    ],
    [
      '[hosts.exao1]\ndata_dirs = ["/data"]\n[replicas."/data/backup"]\n',
      [
        '3:11: the replica "/data/backup" and the data directory "/data" lie in each other: the copies would be copied again | put the replica on a disk of its own',
      ],
    ],
    [
      '[hosts.exao1]\ndata_dirs = ["/mnt/backup/logs"]\n[replicas."/mnt/backup"]\n',
      [
        '3:11: the replica "/mnt/backup" and the data directory "/mnt/backup/logs" lie in each other: the copies would be copied again | put the replica on a disk of its own',
      ],
    ],
    ['[replicas."__proto__"]\n', ['1:11: the name "__proto__" is refused | choose another name']],
    [
      "hostname = exao1\n",
      ['1:12: not TOML: this is no value | strings need quotes, such as "exao1"; true, false and numbers need none'],
    ],
    ['hostname = "exao1\n', ["1:18: not TOML: the string has no end | close it with the quote it began with"]],
    ["a = 1 b = 2\n", ["1:7: not TOML: something follows the value on its line | write one key a line; a comment begins with #"]],
    ["[hosts.a]\n[hosts.a]\n", ["2:2: not TOML: this is declared further up already | put the two together, or remove one"]],
    ["[hosts.a\n", ["1:9: not TOML: illegal character in key | https://toml.io/en/v1.0.0 says how TOML is written"]],
    ['x = "\u0007"\n', ['1:6: not TOML: a control character in a string | write it as an escape such as "\\t", or remove it']],
    [
      'hostname = "a"\nhostname = "b"\n',
      ["2:1: not TOML: this is declared further up already | put the two together, or remove one"],
    ],
    [
      "hostname =\n",
      ['1:11: not TOML: this is no value | strings need quotes, such as "exao1"; true, false and numbers need none'],
    ],
    [
      'hostname = 5\n[scan]\ninterval = "x"\nsettel = 1\n[hosts.exao1]\ndata_dirs = ["a"]\n[replicas."b"]\nlocal = 1\n[replicas."/c/.."]\n',
      [
        '1:12: "hostname" is a whole number (5), but a string in quotes is expected | write hostname = "exao1"',
        '3:12: "interval" is "x", but a duration such as "10s", "10m", "1h30m", "30d" is expected | write interval = "10m"',
        '4:1: unknown key "settel" in [scan] | did you mean "settle"?',
        '6:14: the data directory "a" is not an absolute path: it must begin with "/" | write it as an absolute path, such as "/opt/MagAOX/logs"',
        '7:11: the replica "b" is not an absolute path: it must begin with "/" | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
        '8:9: "local" is a whole number (1), but true or false is expected | write local = true',
        '9:11: the replica "/c/.." must not hold "." or ".." | write [replicas."/mnt/backup"] or [replicas."ssh://host/path/"]',
      ],
    ],
    [
      'database = ""\nstatus_file = "x\\u0000"\n',
      [
        '1:12: "database" is "", but the path of a file, absolute or relative to this one, is expected | write database = "/var/lib/xtelemdb/inventory.db"',
        '2:15: "status_file" is "x\\u0000", but the path of a file, absolute or relative to this one, is expected | write status_file = "/run/xtelemdb/status.json"',
      ],
    ],
    [
      "database = 5\n",
      [
        '1:12: "database" is a whole number (5), but a string in quotes is expected | write database = "/var/lib/xtelemdb/inventory.db"',
      ],
    ],
    [
      '[hosts.icc]\naddress = "icc"\n',
      ['2:11: the address "icc" is not of the form "ssh://[user@]host[:port]" | write "ssh://icc"'],
    ],
    [
      '[hosts.icc]\naddress = "ssh://icc/opt"\n',
      ['2:11: the address "ssh://icc/opt" has a path: the paths of a host are its data_dirs | write "ssh://icc"'],
    ],
    [
      '[hosts.icc]\nssh_options = ["Port=22"]\n',
      ['2:1: the host "icc" has no address: there is no ssh to it | add address = "ssh://HOST", or remove "ssh_options"'],
    ],
    [
      '[replicas."/mnt/backup"]\nssh_options = ["Port=22"]\n',
      ['2:1: the replica "/mnt/backup" is a path on this machine: there is no ssh | remove "ssh_options"'],
    ],
    [
      '[replicas."ssh://popeye/x"]\nssh_options = ["-oProxyCommand=x"]\n',
      [
        '2:16: "ssh_options" is "-oProxyCommand=x", but an option of ssh_config(5) such as "Port=2222" is expected | write ssh_options = ["IdentityFile=/etc/xtelemdb/key"]',
      ],
    ],
    [
      'database = "x"\nstatus_file = "./x"\n',
      ['2:15: the inventory and the status file are both "/etc/xtelemdb/x" | give each its own name'],
    ],
  ])("%j", (text, mistakes) => {
    expect(mistakesOf(text)).toEqual(mistakes);
  });
});

const rendered = (text: string): string =>
  parseConfiguration(text, "xtelemdb.toml", environmentOf()).match(() => "", renderConfigError);

test("a mistake is shown in its line", () => {
  expect(rendered('hostname = "exao1"\r\n\r\n[hosts.exao1]\r\n\tdatadirs = []\r\n')).toBe(
    `xtelemdb.toml:4:2: unknown key "datadirs" in [hosts.exao1]
  4 |  datadirs = []
    |  ^
  help: did you mean "data_dirs"?`,
  );
});

test("all mistakes are shown, in the order of the text", () => {
  expect(rendered("[scan]\nwatch = 1\nsettel = 1\n").match(/^xtelemdb.toml:\d+:\d+/gm)).toEqual([
    "xtelemdb.toml:2:9",
    "xtelemdb.toml:3:1",
  ]);
});

test("one mistake brings no others with it: a host of which something is wrong is declared all the same", () => {
  expect(mistakesOf('hostname = "aoc"\n[hosts.exao1]\nalias = ["aoc"]\n')).toHaveLength(1);
  expect(mistakesOf('hostname = "exao1"\nhosts = { exao1 = 5, exao2 = {} }\n')).toHaveLength(1);
});

test("a broken file cannot speak to the terminal", () => {
  expect(rendered('hostname = "\u001b[2J"\n')).not.toContain("\u001b");
});

test("a place behind a byte order mark is counted without it", () => {
  expect(mistakesOf("\ufeffhostnme = 1\n")[0]).toStartWith("1:1: ");
  expect(mistakesOf("\ufeffhostname = x\n")[0]).toStartWith("1:12: ");
});

test("files are named as they were given", () => {
  expect(
    parseConfiguration("x = 1", FILE, environmentOf()).match(
      () => "",
      (error) => error.file,
    ),
  ).toBe(FILE);
});
