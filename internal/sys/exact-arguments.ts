/**
 * The arguments of this process as the bytes that they are. The runtime reads them as UTF-8, and a byte that is none becomes U+FFFD: the name of a file that has
 * such bytes would be lost. The kernel has them still, in proc_pid_cmdline(5).
 */
import { readFileSync } from "node:fs";
import { textOfBytes } from "./name-bytes.ts";

const REPLACEMENT = "\ufffd";
const NUL = "\0";
const loose = new TextDecoder("utf-8", { ignoreBOM: true });

/** `seen` with each argument that has lost bytes as the text of its bytes (`textOfBytes`); as it is where none has, or the kernel does not say. */
export function exactArguments(seen: readonly string[], read: () => Uint8Array | undefined = readCommandLine): readonly string[] {
  if (!seen.some((argument) => argument.includes(REPLACEMENT))) return seen;
  const line = read();
  if (line === undefined) return seen;
  // latin1: one character a byte. What comes before them, the program and maybe its script, is not among those that were seen.
  const given = Buffer.from(line).toString("latin1").split(NUL).slice(0, -1).slice(-seen.length);
  return seen.map((argument, index) => {
    const bytes = Buffer.from(given[index] ?? "", "latin1");
    return argument.includes(REPLACEMENT) && loose.decode(bytes) === argument ? textOfBytes(bytes) : argument;
  });
}

function readCommandLine(): Uint8Array | undefined {
  try {
    return readFileSync("/proc/self/cmdline");
  } catch {
    // No /proc: the arguments stay as the runtime has read them.
    return undefined;
  }
}
