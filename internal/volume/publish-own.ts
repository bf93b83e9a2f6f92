/**
 * The final name of a file of our own that is made anew under one temporary name each time. Whoever makes it may hang for so long that it is given up, and another may
 * write under that name by now: what stands there then is not what was written before.
 */
import { err, ok, type Result } from "neverthrow";
import type { PublishMode, VolumeDirectory } from "./volume.ts";
import type { VolumeError } from "./volume-error.ts";

/** Does nobody wait any more for who asks? */
export type IsGivenUp = () => boolean;

export interface OwnFile {
  readonly temporary: string;
  readonly name: string;
  readonly how: PublishMode;
}

/** Gives it its name when `written`, what was done before, is well; else it is removed. Of who was given up nothing gets a name, and nothing is removed. */
export async function publishOwn<Failure>(
  directory: Pick<VolumeDirectory, "path" | "publish" | "removeTemporary">,
  { temporary, name, how }: OwnFile,
  written: Result<unknown, Failure>,
  isGivenUp: IsGivenUp,
): Promise<Result<undefined, VolumeError | Failure>> {
  // Nothing may come between this and the renaming.
  if (isGivenUp()) return err(givenUp(`${directory.path}/${name}`));
  const published = written.isOk() ? await directory.publish(temporary, name, how) : written;
  if (published.isOk()) return ok(undefined);
  await removeUnlessGivenUp(directory, temporary, isGivenUp);
  return err(published.error);
}

const givenUp = (path: string): VolumeError => ({
  kind: "volume",
  reason: "other",
  operation: "rename to",
  path,
  code: "",
  words: "who was to do it was given up",
});

/** Removes what cannot be finished. */
export async function removeUnlessGivenUp(
  directory: Pick<VolumeDirectory, "removeTemporary">,
  temporary: string,
  isGivenUp: IsGivenUp,
): Promise<void> {
  if (!isGivenUp()) await directory.removeTemporary(temporary);
}
