/** `restore`: brings files back from their copies. */
import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { err, ok, type Result } from "neverthrow";
import type { RestoreSummary } from "../../internal/agent/mod.ts";
import { type DesiredState, type Host, suggest } from "../../internal/config/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { agentOptions, type Context, failWithAgentError, optionsOf, print, printError, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { hostOf, originPathOf } from "./host-argument.ts";
import { momentOption } from "./moment-option.ts";
import { restoredLine, restoreText } from "./output/restore-text.ts";
import { writeLines, writeText } from "./output/stream.ts";
import type { Register } from "./program.ts";
import { restoreFolder } from "./restore-folder.ts";

/** The same words as in the layer below, which is only loaded when it is needed. */
const OVERWRITES = ["never", "older", "all"] as const;

interface Options {
  readonly host?: string;
  readonly path?: string;
  readonly before?: number;
  readonly after?: number;
  readonly to?: string;
  readonly from?: string;
  readonly overwrite: (typeof OVERWRITES)[number];
  readonly dryRun?: boolean;
}

/** Lines of files that are printed; all of them are in the JSON. */
const SHOWN = 50;

function folderOption(text: string): string {
  if (text === "") throw new InvalidArgumentError("a folder is expected.");
  return resolve(text);
}

export const restoreCommand: Register = (program, context, end) => {
  program
    .command("restore")
    .description("bring files back from their copies, to where they were or elsewhere; replaces nothing unless told to")
    .option("--host <host>", "the origin host (default: this one)")
    .option("--path <path>", "only this origin path, or what is below it (default: everything)")
    .option("--before <moment>", "only files modified before: a time (2026-11-01; UTC) or that long ago (30d)", momentOption)
    .option("--after <moment>", "only files modified then or later", momentOption)
    .option("--to <folder>", "below this folder of this machine, each at its whole origin path", folderOption)
    .option("--from <replica>", "only from this replica, as replica_list shows it (default: the best for each file)")
    .addOption(
      new Option("--overwrite <which>", "what may be replaced: nothing; files that are older than their copy; any file")
        .choices([...OVERWRITES])
        .default("never"),
    )
    .option("--dry-run [boolean]", "show what would be done, write nothing", booleanOption)
    .addHelpText(
      "after",
      `
Each file comes from the best copy: one whose contents can be proven, that verify has read back last, on this machine before ssh. It is written under a temporary name,
its SHA-256 is compared with the one that was recorded when the copy was made, it is flushed, and gets its name only then; mode and modification time are as they were.
A copy with other contents is never published: the next best is tried, and it is told. Imported copies of which no digest is known come back by size and time alone; they
are counted.

What is there already, with the same size and time, is left as it is; so is whatever else is there, unless overwrite says otherwise. The data directory, or the folder of
to=, must exist, and is never made; that the right disk is mounted there is for you to see. A folder of to= in a replica, or in a data directory of this host (where
what comes back would be copied again as new files), is refused. The inventory is only read; the next sync finds what came back unchanged,
and copies nothing again. The host need not be on line where to= is given; a host with an address is restored over ssh.

Exit code 0 when every file in question is there, 3 when some are left (each with its reason), 1 when the destination could not be used at all. With --json: one object
a line for each file, the last is {"kind":"summary"}.

Examples:
  xtelemdb restore path=/opt/MagAOX/rawimages dry_run=true
  xtelemdb restore host=icc path=/data/logs/night.log
  xtelemdb restore host=icc after=2026-11-01 to=/mnt/analysis from=/mnt/backup`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(withState(context, options, (state) => run(context, state, options)));
    });
};

type Given = ReturnType<typeof optionsOf<Options>>;

async function run(context: Context, state: DesiredState, options: Given): Promise<number> {
  const path = originPathOf(options.path);
  const from = replicaOf(state, options.from);
  // A host that is not declared may be known from its copies.
  const declared = hostOf(state, options.host);
  const host = declared.isOk() ? declared.value.name : (options.host ?? state.hostname);
  const asked = path.unwrapOr("");
  const to = restoreFolder(state, options.to, asked === "" ? declared.map(dataDirectoriesOf).unwrapOr([]) : [asked]);
  const wrong = [path, from, to].flatMap((one) => (one.isErr() ? [one.error] : []))[0];
  if (path.isErr() || from.isErr() || to.isErr()) {
    printError(wrong ?? "");
    return EXIT.usage;
  }
  const { restore } = await import("../../internal/agent/mod.ts");
  const { agent, clear } = agentOptions(context, options, "error");
  const { before, after, overwrite } = options;
  let shown = 0;
  const summary = await restore(
    state,
    {
      ...agent,
      host,
      path: path.value,
      overwrite,
      dryRun: options.dryRun === true,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(to.value === undefined ? {} : { to: to.value }),
      ...(from.value === undefined ? {} : { from: from.value }),
    },
    async (files) => {
      if (options.json) return writeLines(files);
      const told = files.filter(({ kind, tried }) => kind === "left" || kind === "would-restore" || tried.length > 0);
      const few = told.slice(0, SHOWN - shown);
      shown += few.length;
      if (few.length === 0) return;
      clear();
      await writeText(few.map((file) => `${restoredLine(file)}\n`).join(""));
    },
  );
  clear();
  if (summary.isErr()) return failWithAgentError(summary.error);
  if ("kind" in summary.value) {
    printError(summary.value.kind === "out-of-reach" ? outOfReach(host) : nothingRecorded(host, path.value, declared));
    return EXIT.usage;
  }
  if (options.json) await writeLines([{ kind: "summary", ...summary.value }]);
  else print(restoreText(summary.value, SHOWN));
  return exitCodeOf(summary.value);
}

const exitCodeOf = ({ outcome }: RestoreSummary): number =>
  outcome === "complete" ? EXIT.converged : outcome === "failed" ? EXIT.failed : EXIT.notConverged;

const outOfReach = (host: string): string =>
  `${host} is not this host, and has no address to be reached at\nhelp: give a folder of this machine, such as to=/mnt/restored, or run it on ${host}`;

const nothingRecorded = (host: string, path: string, declared: Result<unknown, string>): string =>
  declared.isErr()
    ? declared.error
    : `nothing is recorded of ${host}${path === "" ? "" : `:${path}`}\nhelp: check the path; files of a backup that nobody has imported are made known by import_origins`;

const dataDirectoriesOf = ({ dataDirectories }: Host): readonly string[] => dataDirectories;

/** The id of the replica that an option names. */
function replicaOf({ replicas }: DesiredState, given: string | undefined): Result<string | undefined, string> {
  if (given === undefined) return ok(undefined);
  const bare = given.replace(/(?<=.)\/+$/, "");
  const known = replicas.find(({ id, written }) =>
    [id, written, id.replace(/\/$/, "")].some((name) => name === given || name === bare),
  );
  if (known !== undefined) return ok(known.id);
  const ids = replicas.map(({ id }) => id);
  const meant = suggest(given, ids);
  return err(
    `${given} is no replica\nhelp: ${meant === undefined ? `declared are: ${ids.join(", ") || "none"}` : `did you mean "${meant}"?`}`,
  );
}
