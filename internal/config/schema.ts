/** The shape of the configuration file. Its descriptions are those of the JSON Schema, which editors show. */
import { z } from "zod";
import { isClosed, isNegated } from "./exclude-pattern.ts";
import { areDistinct, IMPORT_LAYOUTS, parseRewrite } from "./import-rules.ts";
import { DURATION_EXAMPLES, parseDuration, parseShare, parseSize, SIZE_EXAMPLES } from "./units.ts";

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, { error: `a duration such as ${DURATION_EXAMPLES}` });
const positiveDuration = duration.refine((text) => parseDuration(text) !== 0, { error: "a duration longer than 0" });
/** A timer counts milliseconds in 31 bits (setTimeout): what is longer would fire at once. */
const MAX_INTERVAL = "24d";
const interval = positiveDuration.refine((text) => (parseDuration(text) ?? 0) <= (parseDuration(MAX_INTERVAL) ?? 0), {
  error: `a duration of at most "${MAX_INTERVAL}"`,
});
const size = z.string().refine((text) => parseSize(text) !== undefined, { error: `a size such as ${SIZE_EXAMPLES}` });
const share = z.string().refine((text) => parseShare(text) !== undefined, { error: 'a share such as "20%"' });
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const file = z.string().refine((text) => text !== "" && !/[\u0000-\u001f\u007f]/.test(text), {
  error: "the path of a file, absolute or relative to this one,",
});
const pattern = z
  .string()
  .refine((text) => text !== "" && !text.includes("\0"), { error: 'a pattern such as "*.tmp" or "logs/*.old"' })
  .refine((text) => !isNegated(text), { error: "a pattern that names what to leave out (there is no negation)" })
  .refine(isClosed, { error: 'a pattern in which every "[" and "{" is closed' });

const sshOption = z.string().refine((text) => /^[A-Za-z][A-Za-z0-9]*\s*[= ]\s*[^\s\p{Cc}][^\p{Cc}]*$/u.test(text), {
  error: 'an option of ssh_config(5) such as "Port=2222"',
});
const timeout = duration.refine((text) => (parseDuration(text) ?? 0) >= 1000, { error: 'a duration of at least "1s"' });

const rewrite = z.string().refine((text) => parseRewrite(text) !== undefined, {
  error: 'a rule such as "/logs -> /opt/MagAOX/logs"',
});

/** What is shorter would give up a worker for one slow answer of a disk or a far end. */
const stallTimeout = interval.refine((text) => (parseDuration(text) ?? 0) >= 10_000, { error: 'a duration of at least "10s"' });

const copyEvery = duration.refine((text) => parseDuration(text) === 0 || (parseDuration(text) ?? 0) >= 60_000, {
  error: '"0s" or a duration of at least "1m"',
});

const workers = z
  .int({ error: "a whole number from 0 to 64" })
  .min(0, { error: "a whole number from 0 to 64" })
  .max(64, { error: "a whole number from 0 to 64" })
  .default(0);

const scan = z
  .strictObject({
    interval: interval.default("10m").describe("How often everything is scanned in full."),
    watch: z.boolean().default(true).describe("Look sooner when the kernel reports changes."),
    settle: duration.default("10s").describe("A file is finished when it has been quiet for this long."),
    max_wait: positiveDuration.default("1h").describe("A file that never settles is copied at least this often."),
    exclude: z
      .array(pattern)
      .default([])
      .describe(
        'Names to leave out: "*.tmp" at any depth, "logs/*.old" relative to a data directory. There is no negation. Matches are counted and reported.',
      ),
    workers: workers.describe(
      "How many directories are listed at a time. 0: one on a rotating disk, else as many as there are processors.",
    ),
    max_loss: share
      .default("20%")
      .describe(
        "When more than this share of a data directory would vanish in one scan, nothing is taken as deleted until an operator accepts it.",
      ),
    max_entries: z
      .int({ error: "a whole number from 1000 to 1000000000" })
      .min(1_000, { error: "a whole number from 1000 to 1000000000" })
      .max(1_000_000_000, { error: "a whole number from 1000 to 1000000000" })
      .default(20_000_000)
      .describe(
        "A data directory with more files and directories than this is taken for one without an end, and so is what is listed at a far end: no more of it is looked at.",
      ),
  })
  .describe("How the data directories are looked at.");

const status = z
  .strictObject({
    listen: z
      .string()
      .optional()
      .describe(
        'Where the status endpoint listens: "127.0.0.1:9440", "[::1]:9440" or "unix:/run/xtelemdb/status.sock". Left out: there is none.',
      ),
    allow_remote: z
      .boolean()
      .default(false)
      .describe("Let it listen where other machines reach it. It asks nobody who they are."),
  })
  .describe("The status endpoint.");

/** What is shorter would only read the same few files again and again. */
const promise = duration.refine((text) => parseDuration(text) === 0 || (parseDuration(text) ?? 0) >= 60_000, {
  error: '"0s" or a duration of at least "1m"',
});
const verify = z
  .strictObject({
    every: promise
      .default("0s")
      .describe("Each copy is read back from its disk within this time, in continuous mode. 0s: none is, unless somebody asks."),
    bandwidth: size.default("0 B").describe("Bytes a second that reading back at one replica may take. 0: no limit."),
  })
  .describe("Reading copies back.");

const connections = z
  .int({ error: "a whole number from 0 to 16" })
  .min(0, { error: "a whole number from 0 to 16" })
  .max(16, { error: "a whole number from 0 to 16" })
  .default(0)
  .describe("ssh connections of each worker at a time, at most. 0: as the work wants, up to 4.");
const sshOptions = z
  .array(sshOption)
  .default([])
  .describe(
    'Options for ssh, as in ssh_config(5): ["Port=2222", "IdentityFile=/etc/xtelemdb/key"]. The rest is in ~/.ssh/config.',
  );
const sshTimeout = timeout.default("60s").describe("How long the far end may be silent while it owes an answer.");

const host = z
  .strictObject({
    aliases: z.array(z.string()).default([]).describe("Other names of this host, such as its role."),
    data_dirs: z.array(z.string()).default([]).describe("Absolute paths of the directories whose files are to be kept."),
    address: z
      .string()
      .optional()
      .describe('"ssh://icc": this agent scans that host over ssh and copies from it. Left out: it runs its own xtelemdb.'),
    connections,
    ssh_options: sshOptions,
    timeout: sshTimeout,
  })
  .describe("An origin host.");

const replica = z
  .strictObject({
    local: z.boolean().optional().describe("True for a path on this machine; it follows from the key and may be left out."),
    import_origins: z
      .boolean()
      .default(false)
      .describe(
        "Make file origins from the copies that are already there, at first sight of the replica. Copies and reads nothing.",
      ),
    import_layout: z
      .enum(IMPORT_LAYOUTS)
      .default("hostname")
      .describe(
        "How what is there is laid out. hostname: <host><absolute path>; role: <alias><absolute path>; short: <alias>/logs, /rawimages, /telem for those in /opt/MagAOX.",
      ),
    import_rewrite: z
      .array(rewrite)
      .refine(areDistinct, { error: "one rule for each folder" })
      .default([])
      .describe(
        'Where folders below a host\'s folder have their origins: ["/logs -> /opt/MagAOX/logs"]. The longest match counts.',
      ),
    reserve: size.default("0 B").describe("Space that is to stay free."),
    bandwidth: size.default("0 B").describe("Bytes a second that copying to it may take. 0: no limit."),
    workers: workers.describe(
      "How many groups of files are copied at a time. 0: one to a rotating disk, else as many as there are processors.",
    ),
    connections,
    ssh_options: sshOptions,
    timeout: sshTimeout,
  })
  .describe("A destination: every file of every data directory is to be here.");

export const configurationSchema = z
  .strictObject({
    $schema: z.string().optional().describe("Ignored; for editors."),
    hostname: z.string().optional().describe("The name of this host. Default: this machine's host name."),
    database: file
      .optional()
      .describe("The inventory. Default: $STATE_DIRECTORY/inventory.db, else /var/lib/xtelemdb/inventory.db."),
    status_file: file.optional().describe("The status file. Default: $RUNTIME_DIRECTORY/status.json, else beside the database."),
    nice: z
      .int({ error: "a whole number from 0 to 19" })
      .min(0, { error: "a whole number from 0 to 19" })
      .max(19, { error: "a whole number from 0 to 19" })
      .default(0)
      .describe("How far the program steps back for others that want the processor (nice(1)). 0: as it was started."),
    io_priority: z
      .enum(["normal", "low", "idle"])
      .default("normal")
      .describe("How far it steps back for others that want the disks (ionice(1)). normal: as it was started."),
    stall_timeout: stallTimeout.default("5m").describe("A worker that makes no progress for this long is given up and replaced."),
    inventory_copy_every: copyEvery
      .default("1d")
      .describe("Each replica gets a copy of the inventory at most this often, when something has changed. 0s: none does."),
    scan: scan.prefault({}),
    status: status.prefault({}),
    verify: verify.prefault({}),
    hosts: z.record(z.string(), host).default({}).describe("Origin hosts by name."),
    replicas: z.record(z.string(), replica).default({}).describe('Replicas by path ("/mnt/backup") or URL ("ssh://host/path/").'),
  })
  .describe("Configuration of xtelemdb.");

/** The keys that are known in a table, by the first part of its path; `$schema` is for editors, and never meant by a person. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(configurationSchema.shape).filter((key) => key !== "$schema"),
  scan: Object.keys(scan.shape),
  status: Object.keys(status.shape),
  verify: Object.keys(verify.shape),
  hosts: Object.keys(host.shape),
  replicas: Object.keys(replica.shape),
};

export type Configuration = z.output<typeof configurationSchema>;
export type HostTable = z.output<typeof host>;

/** The JSON Schema of the configuration file (what may be written, before defaults). */
export const configurationJsonSchema = (): unknown => z.toJSONSchema(configurationSchema, { io: "input" });
