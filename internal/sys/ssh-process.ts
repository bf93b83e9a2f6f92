/**
 * The system's ssh as a child process with its pipes. It brings the operator's configuration, agent, jump hosts and known hosts; it never asks a
 * question (BatchMode), and its end is noticed.
 */
export interface SshProcess {
  /** Hands bytes to its standard input; they must not be changed afterwards. Never blocks, never throws: a broken pipe shows as its end. */
  write(bytes: Uint8Array): void;
  /** What comes out of it, until its end. */
  readonly output: AsyncIterable<Uint8Array>;
  /** The last of what it said on its standard error. */
  said(): string;
  /** Resolves when it has ended and its standard error is read; "" or why it could not be started at all. */
  readonly ended: Promise<string>;
  /** Ends it at once. Idempotent. */
  kill(): void;
}

/** Enough for every message of ssh, little enough for a far end that never stops talking. */
const SAID_BYTES = 8_192;

/** Names another program in the place of ssh, as GIT_SSH does for git. */
const PROGRAM_VARIABLE = "XTELEMDB_SSH";

/** Starts ssh with these arguments. The environment is this process's own. */
export function startSsh(given: readonly string[]): SshProcess {
  let said = "";
  try {
    const child = Bun.spawn([process.env[PROGRAM_VARIABLE] || "ssh", ...given], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    const listening = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of child.stderr) said = (said + decoder.decode(chunk, { stream: true })).slice(-SAID_BYTES);
    })().catch(() => undefined);
    return {
      write: (bytes) => {
        try {
          // A pipe that breaks is told by the end of the process.
          for (const written of [child.stdin.write(bytes), child.stdin.flush()]) {
            if (written instanceof Promise) written.catch(() => undefined);
          }
        } catch {
          // As above.
        }
      },
      output: child.stdout,
      said: () => said.trim(),
      ended: child.exited.then(() => Promise.race([listening, Bun.sleep(SAID_AFTER_END_MILLISECONDS)])).then(() => ""),
      kill: () => child.kill("SIGKILL"),
    };
  } catch (exception) {
    const why = exception instanceof Error ? exception.message : String(exception);
    return {
      write: () => undefined,
      output: (async function* () {})(),
      said: () => why,
      ended: Promise.resolve(why),
      kill: () => undefined,
    };
  }
}

/** A jump host's process may hold the standard error open longer than ssh lives. */
const SAID_AFTER_END_MILLISECONDS = 100;
