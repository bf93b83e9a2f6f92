/** `safe`: may this disk be wiped? Deletes nothing. */
import { InvalidArgumentError } from "commander";
import type { SafeSink, SafeSummary } from "../../internal/agent/mod.ts";
import { type DesiredState, DURATION_EXAMPLES, type Host, parseDuration } from "../../internal/config/mod.ts";
import { bytesOfText } from "../../internal/sys/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { type Context, failWithAgentError, optionsOf, print, printError, printHint, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { hostOf, originPathOf } from "./host-argument.ts";
import { momentOption } from "./moment-option.ts";
import { blockedLine, safeText } from "./output/safe-text.ts";
import { writeLines, writeOut, writeText } from "./output/stream.ts";
import type { Register } from "./program.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options {
  readonly host?: string;
  readonly before?: number;
  readonly copies: number;
  readonly verifiedWithin?: number;
  readonly path?: string;
  readonly print0?: boolean;
}

function copiesOption(text: string): number {
  const copies = wholeNumber(text);
  if (copies === 0) throw new InvalidArgumentError("at least 1 copy is expected.");
  return copies;
}

function durationOption(text: string): number {
  const duration = parseDuration(text);
  if (duration === undefined) throw new InvalidArgumentError(`a duration such as ${DURATION_EXAMPLES} is expected.`);
  return duration;
}

/** Lines of the table of what blocks; all of it is in the JSON. */
const SHOWN = 50;

export const safeCommand: Register = (program, context, end) => {
  program
    .command("safe")
    .description("may this disk be wiped? Looks whether enough good copies of every file are elsewhere; deletes nothing")
    .option("--host <host>", "the origin host (default: this one)")
    .option(
      "--before <moment>",
      "only files modified before: a time (2026-11-01 is the start of that day, UTC) or that long ago (30d)",
      momentOption,
    )
    .option("--copies <number>", "how many independent copies each file must have", copiesOption, 1)
    .option("--verified-within <duration>", "and each was read back by verify within that time (30d)", durationOption)
    .option("--path <path>", "only this origin path, or what is below it")
    .option(
      "--print0 [boolean]",
      "print the files that are safe, and nothing else: absolute origin paths, each ended by a NUL",
      booleanOption,
    )
    .addHelpText(
      "after",
      `
Each file of the host's data directories is looked at as it is now, and so is every copy: nothing is safe because it was once. A copy counts when

  its row is current, of this very version, with the digest of its bytes, and verify has found nothing against it
  its replica is declared and mounted now, with the right marker, and the copy has the size and time that are recorded
  it is on a disk, and not on the origin's own; of copies that share a disk, or are the same replica under two names, one counts. A file that is used as a disk lies where
  the file lies; where it cannot be told which disk it is (overlayfs, FUSE), it may be any of its machine
  with verified_within: verify (level=content) has read it back within that time

Copies that were imported count once verify or import_origins hash=true has read them. Files that are growing, changed, unknown to the inventory or excluded by a
pattern are never safe; neither is what cannot be looked at. Symbolic links and special files hold no data and are only counted. Only data directories are looked at:
what else is on the disk, xtelemdb does not know. Each file is judged alone: where data directories and replicas are crosswise on two disks, the files of each are safe, and
to wipe both disks loses all.

Exit code 0 when every file in question is safe, else 3, with the files and reasons. It works beside a running agent, and takes no lock. With --json: one object a line
({"kind":"safe"} or {"kind":"blocked"}), the last is {"kind":"summary"}. What was safe may change the moment after: delete soon, and while nobody writes there.

Examples:
  xtelemdb safe before=2026-11-01 copies=2 verified_within=30d
  xtelemdb safe host=icc path=/opt/MagAOX/rawimages --json
  xtelemdb safe before=90d copies=2 --print0 | xargs -0 -r rm --`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(withState(context, options, (state) => run(context, state, options)));
    });
};

type Given = ReturnType<typeof optionsOf<Options>>;

async function run(context: Context, state: DesiredState, options: Given): Promise<number> {
  const host = hostOf(state, options.host);
  const path = originPathOf(options.path);
  const wrong = host.isErr() ? host.error : path.isErr() ? path.error : wrongTogether(host.value, path.value, options);
  if (host.isErr() || path.isErr() || wrong !== undefined) {
    printError(wrong ?? "");
    return EXIT.usage;
  }
  const { findSafe } = await import("../../internal/agent/mod.ts");
  const { copies, before, verifiedWithin } = options;
  const question = {
    host: host.value,
    path: path.value,
    copies,
    now: Date.now(),
    signal: context.signal,
    ...(before === undefined ? {} : { before }),
    ...(verifiedWithin === undefined ? {} : { verifiedWithinMilliseconds: verifiedWithin }),
  };
  const summary = await findSafe(state, question, sinkOf(options));
  if (summary.isErr()) return failWithAgentError(summary.error);
  if (!summary.value.found && path.value !== "" && summary.value.outcome === "safe") {
    printError(`there is nothing at ${options.path} of ${host.value.name}, and nothing is recorded there\nhelp: check the path`);
    return EXIT.usage;
  }
  await conclude(summary.value, options);
  return summary.value.outcome === "safe" ? EXIT.converged : EXIT.notConverged;
}

/** What is wrong with options that are right one by one. */
function wrongTogether(host: Host, path: string, { print0, json }: Given): string | undefined {
  if (print0 && json) return "--print0 and --json are two ways to print the same\nhelp: choose one";
  if (host.dataDirectories.length === 0) return `${host.name} has no data_dirs, so nothing can be said of it\nhelp: declare them`;
  const holds = host.dataDirectories.some(
    (one) => one === path || one.startsWith(`${path}/`) || path.startsWith(`${one}/`) || one === "/",
  );
  if (holds) return undefined;
  return `${path} is in no data directory of ${host.name}\nhelp: declared are: ${host.dataDirectories.join(", ")}`;
}

function sinkOf({ json, print0 }: Given): SafeSink {
  let shown = 0;
  return {
    safe: (files) => {
      if (print0) return writeOut(Buffer.concat(files.flatMap(({ path }) => [bytesOfText(path), NUL])));
      return json ? writeLines(files.map((file) => ({ kind: "safe", ...file }))) : Promise.resolve();
    },
    blocked: (files) => {
      if (json) return writeLines(files.map((file) => ({ kind: "blocked", ...file })));
      const few = files.slice(0, print0 ? 0 : SHOWN - shown);
      shown += few.length;
      return few.length === 0 ? Promise.resolve() : writeText(`${few.map(blockedLine).join("\n")}\n`);
    },
  };
}

const NUL = new Uint8Array(1);

async function conclude(summary: SafeSummary, { json, print0, copies }: Given): Promise<void> {
  if (json) return writeLines([{ kind: "summary", ...summary }]);
  const text = safeText(summary, copies, SHOWN);
  if (print0) printHint(text);
  else print(text);
}
