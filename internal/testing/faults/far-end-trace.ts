/** The far end of the ssh scenes: sftp-server over plain pipes in the place of ssh, which carries the same bytes; traced and struck by strace where that is wanted. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../until.ts";

/** Holds the options of strace while the far end is traced. */
export const FAR_TRACE = "far-trace";
/** The folder of what was traced, a file a process. */
export const FAR_CALLS = "far-calls";

const SERVER = "/usr/lib/openssh/sftp-server";

/**
 * A program for `XTELEMDB_SSH`. It notes its process, which becomes the server: with -D strace is a grandchild, so that who kills the server kills the server
 * and not only its tracer.
 */
export const farScript = (folder: string): string => `#!/bin/sh
echo $$ >> '${folder}/servers'
if [ -e '${folder}/${FAR_TRACE}' ]; then
  mkdir -p '${folder}/${FAR_CALLS}'
  exec strace -D -ff -q -y -s 256 -o '${folder}/${FAR_CALLS}/trace' $(cat '${folder}/${FAR_TRACE}') -- ${SERVER}
fi
exec ${SERVER}
`;

export interface FarTrace {
  /** The calls of each process, in the order in which it made them. */
  readonly threads: readonly (readonly string[])[];
}

/** Reads what was traced of servers that have ended. */
export async function readFarTraces(folder: string): Promise<FarTrace> {
  if (!existsSync(folder)) return { threads: [] };
  const linesOf = (name: string): string[] => readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean);
  // strace writes how a process has ended a moment after that.
  const threads = await until("the far end's traces are whole", () => {
    const all = readdirSync(folder).map(linesOf);
    return all.every((lines) => lines.at(-1)?.startsWith("+++") === true) && all;
  });
  return { threads: threads.map((lines) => lines.filter((line) => !line.startsWith("+++"))) };
}
