/** The generation of a volume at its root, one for each inventory that records copies there: raised whenever copies are recorded, so that an older state of the volume is known. */
import type { Result } from "neverthrow";
import { z } from "zod";
import {
  parseRootFile,
  type RootFileError,
  type RootFileUnreadable,
  type RootFileWriting,
  readRootFile,
  writeRootFile,
} from "./_root-file.ts";
import type { IsGivenUp } from "./publish-own.ts";
import type { Volume } from "./volume.ts";

/** `inventory`: its UUID. */
export const generationName = (inventory: string): string => `.xtelemdb-generation-${inventory}.json`;

const generationSchema = z.object({
  format: z.literal(1),
  number: z.int().nonnegative(),
  token: z.string(),
  /** ISO 8601, UTC. */
  at: z.string(),
});

export type VolumeGeneration = z.infer<typeof generationSchema>;

/** Undefined when it is proven that there is none. */
export const readGeneration = (volume: Volume, inventory: string): Promise<Result<VolumeGeneration | undefined, RootFileError>> =>
  readRootFile(volume, generationName(inventory), generationSchema);

/** Reads the text of such a file. */
export const parseGeneration = (path: string, text: string): Result<VolumeGeneration, RootFileUnreadable> =>
  parseRootFile(path, text, generationSchema);

/** Writes it, durably. `hex` names the temporary file. */
export const writeGeneration = (
  volume: Volume,
  inventory: string,
  generation: VolumeGeneration,
  hex: RootFileWriting["hex"],
  isGivenUp: IsGivenUp,
): Promise<Result<undefined, RootFileError>> =>
  writeRootFile(volume, generationName(inventory), generation, { hex, at: generation.at, how: "replace", isGivenUp });
