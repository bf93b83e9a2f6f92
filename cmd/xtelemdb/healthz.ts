/** `healthz`: asks the running agent's endpoint whether it is alive. For health checks of containers, whose image has no other program that could ask. */
import { formatListenAddress, type ListenAddress } from "../../internal/config/mod.ts";
import { optionsOf, print, printError, withState } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import type { Register } from "./program.ts";

const PATIENCE_MILLISECONDS = 5_000;

export const healthzCommand: Register = (program, context, end) => {
  program
    .command("healthz")
    .description("ask the running agent whether it is alive (for health checks)")
    .addHelpText(
      "after",
      `
Asks GET /healthz where [status] listen says. Exit code 0 when the agent says that it is alive, 1 when it does not, 2 when no endpoint is declared.
Alive is not converged, and a replica that is away is no reason to start the agent anew: for that there are "xtelemdb status" and the metrics.`,
    )
    .action((_options, command) =>
      end(
        withState(context, optionsOf(command), async ({ status: { listen }, file }) => {
          if (listen === undefined) {
            printError(`${file} declares no status endpoint\nhelp: add [status] with listen = "unix:/run/xtelemdb/status.sock"`);
            return EXIT.usage;
          }
          const problem = await problemAt(listen);
          if (problem === undefined) print("alive");
          else
            printError(
              `the agent is not alive at ${formatListenAddress(listen)}: ${problem}\nhelp: is "xtelemdb sync continuous=true" running?`,
            );
          return problem === undefined ? EXIT.converged : EXIT.failed;
        }),
      ),
    );
};

/** Undefined when the agent answers as it should. */
async function problemAt(address: ListenAddress): Promise<string | undefined> {
  const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
  // The agent is on this machine: a proxy that the environment names would look for it on its own. (An empty "proxy" is none for Bun, and does not help.)
  process.env.NO_PROXY = "*";
  try {
    const answer =
      address.kind === "unix"
        ? await fetch("http://localhost/healthz", { unix: address.path, signal })
        : await fetch(`http://${formatListenAddress(reachable(address))}/healthz`, { signal });
    return answer.ok ? undefined : `it answers ${answer.status}`;
  } catch (exception) {
    return exception instanceof Error ? exception.message : String(exception);
  }
}

/** Who listens at every address listens at this machine's own. */
function reachable(address: ListenAddress & { kind: "tcp" }): ListenAddress {
  const own: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
  return { ...address, host: own[address.host] ?? address.host };
}
