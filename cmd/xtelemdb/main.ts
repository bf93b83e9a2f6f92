/** The entry: arguments in, exit code out. */
import { exactArguments, exitAtOnce } from "../../internal/sys/mod.ts";
import { makeContext, printError } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { runProgram } from "./program.ts";

const stop = new AbortController();
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    // The first asks to finish what is under way; the second ends at once.
    if (stop.signal.aborted) process.exit(code);
    stop.abort();
  });
}
// The runtime takes its threads down before it ends, and would wait for one that hangs in a dead mount.
process.on("exit", exitAtOnce);
// A reader that has seen enough (head, less) is no failure: it asks to stop, and the exit code says what came of the work until then.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  stop.abort();
});

const given = exactArguments(process.argv.slice(2));
const context = makeContext(["xtelemdb", ...given].join(" "), stop.signal);
runProgram(given, context).then(
  (code) => {
    process.exitCode = code;
  },
  (exception: unknown) => {
    const detail = exception instanceof Error ? (exception.stack ?? exception.message) : String(exception);
    printError(`a fault of xtelemdb itself; please report it with this text:\n${detail}`);
    process.exit(EXIT.failed);
  },
);
