/**
 * The marker at a replica's root: a small file with a random UUID. A root without it, or with another's, is not the volume that was declared: the disk
 * is not mounted, or it was swapped. Written once, never changed. Where an operator gives a replica whose volume is gone a new one, the new one's marker names the former.
 */
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
import type { Volume } from "./volume.ts";

export const MARKER_NAME = ".xtelemdb-replica.json";

const markerSchema = z.object({
  format: z.literal(1),
  uuid: z.uuid(),
  /** ISO 8601, UTC. */
  created: z.string(),
  /** The volume in whose place this one is, because an operator said so, and when: ISO 8601, UTC. */
  replaces: z.object({ uuid: z.uuid(), at: z.iso.datetime() }).optional(),
});

export type Marker = z.infer<typeof markerSchema>;

/** The marker at the volume's root; undefined when it is proven that there is none. */
export const readMarker = (volume: Volume): Promise<Result<Marker | undefined, RootFileError>> =>
  readRootFile(volume, MARKER_NAME, markerSchema);

/** Reads the text of a marker file. */
export const parseMarker = (path: string, text: string): Result<Marker, RootFileUnreadable> =>
  parseRootFile(path, text, markerSchema);

/** Writes the marker, durably. `hex` names the temporary file; `how`: "new": `exists` when there is one by now. */
export const writeMarker = (
  volume: Volume,
  marker: Marker,
  writing: Pick<RootFileWriting, "hex" | "how" | "isGivenUp">,
): Promise<Result<undefined, RootFileError>> => writeRootFile(volume, MARKER_NAME, marker, { ...writing, at: marker.created });
