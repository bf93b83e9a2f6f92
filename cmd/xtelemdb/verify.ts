/** `verify`: are the copies still what they should be? */

import { InvalidArgumentError, Option } from "commander";
import { type DesiredState, parseSize, replicaKeyFromArguments, SIZE_EXAMPLES } from "../../internal/config/mod.ts";
import type { VerifyLevel } from "../../internal/replicate/mod.ts";
import { booleanOption } from "./boolean-option.ts";
import { agentOptions, failWithAgentError, optionsOf, print, printError, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { hostOf, originPathOf } from "./host-argument.ts";
import { verifyText } from "./output/verify-text.ts";
import type { Register } from "./program.ts";

interface Options {
  readonly prefix?: string;
  readonly host?: string;
  readonly path?: string;
  readonly originHost?: string;
  readonly level: VerifyLevel;
  readonly bandwidth?: number;
  readonly acceptLoss?: boolean;
  readonly anew?: boolean;
}

/** The same words as in the layer below, which is only loaded when it is needed. */
const LEVELS = ["listed", "metadata", "content"] as const satisfies readonly VerifyLevel[];

function bandwidthOption(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined) throw new InvalidArgumentError(`bytes a second such as ${SIZE_EXAMPLES} are expected.`);
  return bytes;
}

export const verifyCommand: Register = (program, context, end) => {
  program
    .command("verify")
    .description("look whether the copies are still what they should be; changes no copy")
    .option("--prefix <path>", "one replica, as it was given to add_replica (default: all)")
    .option("--host <host>", "as it was given to add_replica")
    .option("--path <path>", "only the copies of this origin path, or of what is below it")
    .option("--origin-host <host>", "only the copies of this origin host, by its name or an alias")
    .addOption(
      new Option("--level <level>", "listed: the name is there; metadata: size and time, too; content: every byte is read back")
        .choices([...LEVELS])
        .default("content"),
    )
    .option("--bandwidth <size>", "bytes a second at each replica (default: [verify] bandwidth)", bandwidthOption)
    .option("--anew [boolean]", "begin a new round instead of going on with the one under way", booleanOption)
    .option(
      "--accept-loss [boolean]",
      "judge copies as lost even where much is gone at once; with prefix: take an older state of the replica (ReplicaWentBack)",
      booleanOption,
    )
    .addHelpText(
      "after",
      `
content reads past the cache of this machine, and compares the SHA-256 with that of the copy as it was made. Over ssh the bytes are read through sftp; a sha256sum
at the far end is not used: it would read from that machine's cache, and take its word. A run over all copies of a replica is a round: broken off, the next goes on.

  corrupt   its bytes are others (read twice), though nobody seems to have changed it    the next sync replaces it
  lost      its name is proven gone                                                       the next sync copies it again
  suspect   somebody changed it, or the disk gives errors                                 a changed one is left alone: put it back, or move it aside
  dark      a file that xtelemdb does not know; it is counted, and never touched

A verdict stands until a new copy is made (from the origin, or when that is gone, or is not what it was, from another replica with the same contents), or until the copy is again what was recorded: one that was lost is
there again, and was read; one that was suspect or corrupt has the recorded SHA-256 again, and nothing less, when content is looked at. A copy that was only touched keeps its state. A replica that is away gives no verdict, and where more than [scan] max_loss is gone at once nothing is judged lost.

Exit code 0 when everything in question was looked at and nothing stands against it, else 3.

Examples:
  xtelemdb verify
  xtelemdb verify prefix=/mnt/backup level=metadata
  xtelemdb verify path=/opt/MagAOX/rawimages bandwidth="50 MB"`,
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(withState(context, options, (state) => run(state, options)));
    });

  async function run(state: DesiredState, options: ReturnType<typeof optionsOf<Options>>): Promise<number> {
    const { prefix, host, path, originHost, level, bandwidth } = options;
    const replica = prefix === undefined ? undefined : keyOf(prefix, host);
    if (prefix === undefined && host !== undefined) {
      printError(
        "host belongs to a prefix\nhelp: xtelemdb verify host=popeye prefix=ceph/magao-x/; for the copies of one origin, origin_host=",
      );
      return EXIT.usage;
    }
    const known = state.replicas.find(({ id, written }) => id === replica || written === replica);
    if (replica !== undefined && known === undefined) {
      const declared = state.replicas.map(({ id }) => id).join(", ");
      printError(`${replica} is no replica\nhelp: declared are: ${declared || "none"}`);
      return EXIT.usage;
    }
    const below = originPathOf(path);
    if (below.isErr()) {
      printError(below.error);
      return EXIT.usage;
    }
    // A host that is not declared may be known from its copies.
    const declared = originHost === undefined ? undefined : hostOf(state, originHost);
    const origin = declared?.map(({ name }) => name).unwrapOr(originHost);
    const { verify } = await import("../../internal/agent/mod.ts");
    const { agent, clear } = agentOptions(context, options, "error");
    const summary = await verify(state, {
      ...agent,
      level,
      ...(known === undefined ? {} : { replica: known.id }),
      scope: {
        ...(below.value === "" ? {} : { path: below.value }),
        ...(origin === undefined ? {} : { host: origin }),
      },
      ...(bandwidth === undefined ? {} : { bandwidthBytes: bandwidth }),
      acceptLoss: options.acceptLoss === true,
      anew: options.anew === true,
    });
    clear();
    if (summary.isErr() && summary.error.kind === "nothing-recorded" && declared?.isErr()) {
      printError(declared.error);
      return EXIT.usage;
    }
    if (summary.isErr()) return failWithAgentError(summary.error);
    if (options.json) printJson(summary.value);
    else print(verifyText(summary.value));
    return summary.value.outcome === "good" ? EXIT.converged : EXIT.notConverged;
  }
};

const keyOf = (prefix: string, host: string | undefined): string =>
  replicaKeyFromArguments({ prefix, ...(host === undefined ? {} : { host }) }).unwrapOr(prefix);
