/**
 * A listening unix socket under a path. It is made in a folder that only we may enter, gets its mode there, and is then renamed: so nobody can reach it while it is
 * open to more than its owner and group (Bun makes it 0755), and it takes the place of a dead one in one step. A live one, or anything else, is left alone.
 */
import { chmodSync, lstatSync, mkdtempSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { err, ok, type Result } from "neverthrow";
import type { EndpointError } from "./agent-error.ts";

const MODE = 0o660;

/** sun_path in unix(7), without the NUL at its end. */
const LONGEST_PATH_BYTES = 107;

function lookAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** What a connection to the socket comes to: undefined when somebody listens, else the code of the error. */
function tryToConnect(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.on("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

/** May a socket of ours take this path? Looks, and changes nothing. @throws what lstat(2) says. */
export async function freeForSocket(path: string): Promise<Result<void, EndpointError>> {
  const failure = { kind: "endpoint", address: path } as const;
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES)
    return err({ ...failure, why: "impossible", detail: "the path is too long for a socket" });
  const found = lookAt(path);
  if (found === undefined) return ok();
  if (!found.isSocket()) return err({ ...failure, why: "in-the-way", detail: "something that is no socket has this name" });
  const code = await tryToConnect(path);
  // Nobody listens: it is left from a process that was killed.
  if (code === "ECONNREFUSED" || code === "ENOENT") return ok();
  if (code === "EACCES" || code === "EPERM")
    return err({ ...failure, why: "denied", detail: "another user's socket has this name" });
  return err({ ...failure, why: "in-use", detail: "a process listens there" });
}

export interface BoundSocket<Listener> {
  readonly listener: Listener;
  /** Takes the socket's name away, if it is still ours. */
  remove(): void;
}

/** Lets `listen` make its socket under a path of ours, and gives it the name that it is to have. @throws what the system says, with its code. */
export function bindSocket<Listener>(
  path: string,
  listen: (path: string) => Listener,
  stop: (listener: Listener) => void,
): BoundSocket<Listener> {
  // Short names: the way to it must not be longer than the path that was asked for.
  const folder = mkdtempSync(join(dirname(path), ".x-"));
  try {
    const made = join(folder, "s");
    const listener = listen(made);
    try {
      chmodSync(made, MODE);
      const own = lstatSync(made);
      renameSync(made, path);
      return { listener, remove: () => removeOwn(path, own) };
    } catch (exception) {
      stop(listener);
      throw exception;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function removeOwn(path: string, own: Stats): void {
  const found = lookAt(path);
  if (found?.ino === own.ino && found.dev === own.dev) rmSync(path, { force: true });
}
