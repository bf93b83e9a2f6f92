/** `plan`: what `sync` would do; changes no disk. */
import type { PlanSummary, ReplicaPlanSummary } from "../../internal/agent/mod.ts";
import { agentOptions, failWithAgentError, optionsOf, print, printJson, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { amount, bytes, colours, number, printable } from "./output/text.ts";
import type { Register } from "./program.ts";
import { wholeNumber } from "./whole-number.ts";

interface Options {
  readonly limit: number;
}

export const planCommand: Register = (program, context, end) => {
  program
    .command("plan")
    .description("what sync would copy, and whether it fits; writes nothing to any origin or replica")
    .option("--limit <number>", "how many files to name for each replica", wholeNumber, 10)
    .addHelpText(
      "after",
      "\nScans first. Exit code 0 when there is nothing to do, else 3.\n\nExamples:\n  xtelemdb plan\n  xtelemdb plan limit=100 --json",
    )
    .action((_options, command) => {
      const options = optionsOf<Options>(command);
      return end(
        withState(context, options, async (state) => {
          const { plan } = await import("../../internal/agent/mod.ts");
          const { agent, clear } = agentOptions(context, options, "warn");
          const planned = await plan(state, { ...agent, first: options.limit });
          clear();
          if (planned.isErr()) return failWithAgentError(planned.error);
          if (options.json) printJson(planned.value);
          else print(planText(planned.value));
          return planned.value.converged ? EXIT.converged : EXIT.notConverged;
        }),
      );
    });
};

function planText(plan: PlanSummary): string {
  const lines: string[] = [];
  for (const directory of plan.scan?.dataDirectories ?? []) {
    if (directory.outcome.kind !== "scanned")
      lines.push(`${printable(`${directory.host}:${directory.path}`)}: ${directory.outcome.kind}; "xtelemdb scan" says more`);
  }
  for (const replica of plan.replicas) lines.push(...replicaPlanText(replica));
  if (plan.replicas.length === 0) lines.push('no replica is declared; "xtelemdb add_replica prefix=/mnt/backup" declares one');
  else lines.push(plan.converged ? colours.green("nothing to do") : '"xtelemdb sync" does it');
  return lines.join("\n");
}

function replicaPlanText(replica: ReplicaPlanSummary): string[] {
  const name = colours.bold(printable(replica.url));
  const lines = [`${name}: ${replica.copy.files === 0 ? "nothing to copy" : `copy ${amount(replica.copy)}`}`];
  if (!replica.ready)
    lines.push(
      `  ${colours.yellow("not ready:")} ${replica.message}`,
      ...(replica.help === "" ? [] : [`  help: ${replica.help}`]),
    );
  if (replica.replace.files > 0) lines.push(`  ${amount(replica.replace)} of them replace an older copy`);
  if (replica.retry.files > 0) lines.push(`  ${amount(replica.retry)} of them failed before`);
  if (replica.growing.files > 0) lines.push(`  not yet: ${amount(replica.growing)} may still be written`);
  if (replica.space !== null) {
    const { freeBytes, reserveBytes } = replica.space;
    const reserve = reserveBytes > 0 ? `, ${bytes(reserveBytes)} of it reserved` : "";
    lines.push(
      `  ${bytes(freeBytes)} free${reserve}: ${replica.fits ? colours.green("it fits") : colours.red("it does not fit")}`,
    );
  }
  const misfit = replica.firstThatDoesNotFit;
  if (misfit !== null)
    lines.push(`  the first that does not fit: ${misfit.host}:${printable(misfit.path)} (${bytes(misfit.size)})`);
  for (const { host, path, size, why } of replica.first)
    lines.push(`  ${why.padEnd(7)}  ${bytes(size).padStart(10)}  ${host}:${printable(path)}`);
  const more = replica.copy.files - replica.first.length;
  if (more > 0) lines.push(`  and ${number(more)} more`);
  return lines;
}
