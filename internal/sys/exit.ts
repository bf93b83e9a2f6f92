/** The end of the process. */
import { libc } from "./_libc.ts";

/**
 * Ends the process here and now, with all of its threads (_exit(2)). Nothing is flushed, and no thread is waited for: one that hangs in a system call (a dead
 * NFS server) would be waited for as long as it hangs.
 */
export function exitAtOnce(code: number): void {
  libc._exit(code);
}
