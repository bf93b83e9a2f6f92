/** Makes a file, or the names in a directory, durable (fsync(2)). */
import { closeSync, fsyncSync, openSync } from "node:fs";

/** @throws what the file system says. */
export function flushPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
