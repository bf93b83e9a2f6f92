/** `explain PATH`: the whole story of one file. */
import { resolve } from "node:path";
import type { Explanation, FileExplanation } from "../../internal/agent/mod.ts";
import { failWithAgentError, optionsOf, print, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { bytes, colours, printable } from "./output/text.ts";
import type { Register } from "./program.ts";

export const explainCommand: Register = (program, context, end) => {
  program
    .command("explain")
    .description("the whole story of one file: where it is, and why it is not where it should be")
    .argument("<path>", "the path at the origin, itself or as it is printed; a relative one is taken from here")
    .addHelpText(
      "after",
      "\nExit code 0 when every declared replica has a current copy, and the last scan could see the file; else 3.\n\nExample:\n  xtelemdb explain /opt/MagAOX/logs/x.log",
    )
    .action((path: string, _options, command) => {
      const options = optionsOf<object>(command);
      return end(
        withState(context, options, async (state) => {
          const { explain } = await import("../../internal/agent/mod.ts");
          const explained = await explain(state, resolve(path));
          if (explained.isErr()) return failWithAgentError(explained.error);
          if (options.json) printJson(explained.value);
          else print(explanationText(explained.value));
          const { files } = explained.value;
          const pending =
            files.length === 0 ||
            files.some(({ unseen, replicas }) => unseen !== null || replicas.some((replica) => replica.pending));
          return pending ? EXIT.notConverged : EXIT.converged;
        }),
      );
    });
};

function explanationText({ path, files, unknown }: Explanation): string {
  if (unknown !== null) return `${printable(path)}: ${unknown.message}${unknown.help === "" ? "" : `\nhelp: ${unknown.help}`}`;
  return files
    .map(fileText)
    .join("\n\n")
    .replace(/^/, `${colours.bold(printable(path))}\n`);
}

function fileText(file: FileExplanation): string {
  const lines = [
    `origin ${file.host}: ${file.state}, ${bytes(file.size)} (${file.size} bytes), modified ${file.modified}`,
    `  ${file.message}`,
    `  seen so since ${file.observed}, in data directory ${printable(file.dataDirectory)}`,
  ];
  if (file.unseen !== null) {
    lines.push(
      `  ${colours.yellow("not seen by the last scan")}, and it may have changed since: ${printable(file.unseen.message)}`,
    );
    if (file.unseen.help !== "") lines.push(`  ${colours.cyan("help:")} ${file.unseen.help}`);
  }
  if (file.growing !== null) {
    const { since, copiedAtLatest } = file.growing;
    const next = copiedAtLatest === null ? "" : `; a running agent copies what there is of it at the latest at ${copiedAtLatest}`;
    lines.push(`  not finished since ${since}${next}`);
  }
  for (const replica of file.replicas) {
    const state = replica.pending ? colours.yellow(replica.state) : colours.green(replica.state);
    lines.push(`replica ${printable(replica.url)}${replica.declared ? "" : " (not declared)"}: ${state}`);
    lines.push(`  ${replica.message}`);
    if (replica.help !== "") lines.push(`  ${colours.cyan("help:")} ${replica.help}`);
    lines.push(`  at ${printable(replica.path)}`);
    if (replica.keptModified !== null) lines.push(`  modification time as it is kept there: ${replica.keptModified}`);
    if (replica.createdAt !== null) lines.push(`  made there ${replica.createdAt}`);
    if (replica.digest !== null)
      lines.push(`  ${replica.digest}, ${replica.imported === null ? "copied" : "imported"} ${replica.copiedAt}`);
    if (replica.verifiedAt !== null) lines.push(`  read back and equal to that ${replica.verifiedAt}`);
    if (replica.finding !== null) {
      const { message, foundAt, digest } = replica.finding;
      lines.push(
        `  ${colours.yellow("found wrong")} ${foundAt}: ${printable(message)}${digest === null ? "" : `; now ${digest}`}`,
      );
    }
    if (replica.attempts !== null) {
      const { count, first, last } = replica.attempts;
      lines.push(`  ${count} failed ${count === 1 ? "attempt" : "attempts"}, the first ${first}, the last ${last}`);
    }
    if (replica.nextTry !== null) lines.push(`  a running agent tries again at ${replica.nextTry}`);
  }
  return lines.join("\n");
}
