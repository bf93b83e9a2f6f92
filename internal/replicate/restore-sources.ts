/** The look that a restore takes at each copy before it reads it, for itself: what a dry run can know without reading. */
import { err, type Result } from "neverthrow";
import { failureAtSource } from "./copy-failure.ts";
import { failedOutcome } from "./copy-outcome.ts";
import type { CopyOutcome, CopyRequest } from "./copy-request.ts";
import { forEachInFlight } from "./in-flight.ts";
import { asOpened, type FileFailure } from "./opened-source.ts";
import { OriginFiles } from "./origin-files.ts";
import type { CopyWatch } from "./watched-source.ts";

/** So many are opened at a time: over ssh each costs the way there and back. */
const AT_A_TIME = { items: 64, bytes: Number.POSITIVE_INFINITY };

/** Is each copy there, can it be opened, and has it the recorded size and time? The outcomes of those of which that is not so. */
export async function lookAtSources(requests: readonly CopyRequest[], watch: CopyWatch): Promise<readonly CopyOutcome[]> {
  const sources = new OriginFiles(watch);
  const failed: CopyOutcome[] = [];
  await forEachInFlight(
    requests,
    AT_A_TIME,
    () => 0,
    async (request) => {
      if (watch.isStopped()) return "stop";
      const looked = await lookAt(sources, request);
      if (looked.isErr()) failed.push(failedOutcome(request, looked.error));
      return "go on";
    },
  );
  await sources.close();
  return failed;
}

async function lookAt(sources: OriginFiles, request: CopyRequest): Promise<Result<CopyRequest, FileFailure>> {
  const directory = await sources.directoryOf(request);
  if (directory.isErr()) return err(directory.error);
  const source = await directory.value.openSource(request.name);
  if (source.isErr()) return err(failureAtSource(source.error));
  const looked = asOpened(request, source.value);
  source.value.close();
  return looked;
}
