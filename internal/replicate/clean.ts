/** Removes the temporary files that a killed run left in the directories it was working in: the only thing the agent ever removes. */
import type { DirectoryId } from "../inventory/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";
import { replicaPathOf } from "./copy-request.ts";
import { removeUnwrittenGeneration } from "./generation.ts";
import { openReplica } from "./replica-check.ts";
import type { ReplicaProblem } from "./root-problem.ts";
import { removeTemporaryFiles } from "./temporary-files.ts";
import type { Claims } from "./writer-claims.ts";

export interface CleanRequest {
  readonly address: VolumeAddress;
  readonly marker: string;
  readonly claims: Claims;
  /** Seconds since 1970. */
  readonly now: number;
  readonly directories: readonly { readonly id: DirectoryId; readonly host: string; readonly path: string }[];
}

export interface CleanResult {
  readonly removed: number;
  /** Directories that hold none any more. */
  readonly clean: readonly DirectoryId[];
  readonly problem?: ReplicaProblem;
}

/** Of a volume with a long way, this many directories are cleaned at a time. */
const AT_A_TIME = 4;

/** `alive` is called on the way. */
export async function cleanReplica(request: CleanRequest, alive: () => void): Promise<CleanResult> {
  const volume = await openReplica(request.address, request.marker, request.claims);
  if (volume.isErr()) return { removed: 0, clean: [], problem: volume.error };
  let removed = 0;
  const clean: DirectoryId[] = [];
  const left = request.directories.values();
  const lane = async (): Promise<void> => {
    for (const { id, host, path } of left) {
      alive();
      const count = await removeTemporaryFiles(volume.value, replicaPathOf(host, path), request.now, alive);
      if (count === undefined) continue;
      removed += count;
      clean.push(id);
    }
  };
  const lanes = Math.min(volume.value.filesInFlight, AT_A_TIME, request.directories.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  await removeUnwrittenGeneration(volume.value, request.claims);
  volume.value.close();
  return { removed, clean };
}
