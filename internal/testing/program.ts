/** Runs the compiled program as an operator would: arguments in, exit code and output out. */
import { join } from "node:path";
import { SCRATCH_VARIABLE, scratchFolder } from "./scratch.ts";

const REPOSITORY = join(import.meta.dir, "..", "..");

/** From here on a run is taken for hung. */
const HUNG_MILLISECONDS = 180_000;

export const repositoryPath = (...names: string[]): string => join(REPOSITORY, ...names);

let built: string | undefined;

/** The program under test: `$XTELEMDB_PROGRAM`, else dist/xtelemdb, compiled first (which costs little when it is fresh). */
export function programPath(): string {
  if (built !== undefined) return built;
  const given = process.env.XTELEMDB_PROGRAM;
  if (given) {
    built = given;
    return built;
  }
  const build = Bun.spawnSync([repositoryPath("scripts", "build")], { stdout: "pipe", stderr: "pipe" });
  if (build.exitCode !== 0) throw new Error(`scripts/build failed:\n${build.stderr}`);
  built = repositoryPath("dist", "xtelemdb");
  return built;
}

export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A command in front of the program, such as strace. */
  readonly wrapper?: readonly string[];
}

/** A program that runs. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Outcome>;
  signal(name: NodeJS.Signals): void;
}

/** Starts any command with a small, known environment. */
export function start(command: readonly string[], options: RunOptions = {}): Running {
  const scratch = scratchFolder();
  const child = Bun.spawn([...(options.wrapper ?? []), ...command], {
    cwd: options.cwd ?? scratch,
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: scratch, [SCRATCH_VARIABLE]: scratch, ...options.environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const hung = setTimeout(() => child.kill("SIGKILL"), HUNG_MILLISECONDS);
  const ended = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]).then(
    ([stdout, stderr]): Outcome => {
      clearTimeout(hung);
      return {
        code: child.signalCode === null ? child.exitCode : null,
        signal: child.signalCode === null ? null : String(child.signalCode),
        stdout,
        stderr,
      };
    },
  );
  return { pid: child.pid, ended, signal: (name) => child.kill(name) };
}

/**
 * Bun compiles code that is hot, in two steps. The second is not used, and the first comes late: a short run is over before their work pays, and tests start the program some
 * 1,500 times (it takes a third of their processor time). Nor does a thread of its own touch memory ahead of its use. What the program does is the same. Endurance and
 * benchmarks run as it does elsewhere.
 */
const SHORT_RUN = { BUN_JSC_useDFGJIT: "0", BUN_JSC_thresholdForJITAfterWarmUp: "20000", BUN_JSC_useWarmUpMarkedBlocks: "0" };

export const asShortRun = (options: RunOptions): RunOptions => ({
  ...options,
  environment: { ...SHORT_RUN, ...options.environment },
});

/** Runs the program to its end. */
export const runProgram = (given: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  start([programPath(), ...given], asShortRun(options)).ended;

/** Runs a helper command to its end; fails when it fails. */
export function command(...words: readonly string[]): string {
  const done = Bun.spawnSync([...words], { stdout: "pipe", stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`${words.join(" ")}: ${done.exitCode}: ${done.stdout}${done.stderr}`);
  return done.stdout.toString();
}

let interpreter: string | undefined;

/** The interpreter itself: what is first in the path may be a slow script that looks for it. */
function pythonPath(): string {
  interpreter ??= command("python3", "-c", "import sys; print(sys.executable)").trim();
  return interpreter;
}

/** The words that run a python script. Without what is installed beside it (-S): that takes longer to look through than most scripts do. */
export const python = (script: string, ...given: readonly string[]): string[] => [pythonPath(), "-S", "-c", script, ...given];
