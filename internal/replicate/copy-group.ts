/** The safe copy of a group of files (`group-copy.ts`): into a replica, which first has to prove that it is the one; or into any other volume. */
import type { Volume } from "../volume/mod.ts";
import type { CopyBuffers } from "./copy-bytes.ts";
import type { CopyGroup, CopyGroupResult, CopyLimits, CopyRequest } from "./copy-request.ts";
import { GroupCopy } from "./group-copy.ts";
import { openReplica } from "./replica-check.ts";
import type { CopyWatch } from "./watched-source.ts";
import type { OnProgress } from "./write-copy.ts";

/** Copies a group. What is not begun when `watch` says so is left untried. Never throws for what happens to files. */
export async function copyGroup(
  group: CopyGroup,
  buffers: CopyBuffers,
  onProgress: OnProgress,
  watch: CopyWatch,
): Promise<CopyGroupResult> {
  const { address, marker, claims } = group.replica;
  const replica = await openReplica(address, marker, claims);
  if (replica.isErr()) return { outcomes: [], problem: replica.error, leftovers: [] };
  return copyInto(replica.value, group.requests, group.replica, buffers, onProgress, watch);
}

/** The same for a volume that is open already and is the right one; closes it. */
export async function copyInto(
  destination: Volume,
  requests: readonly CopyRequest[],
  limits: CopyLimits,
  buffers: CopyBuffers,
  onProgress: OnProgress,
  watch: CopyWatch,
): Promise<CopyGroupResult> {
  const copy = new GroupCopy(requests, limits, destination, buffers, onProgress, watch);
  try {
    return await copy.run();
  } finally {
    await copy.close();
  }
}
