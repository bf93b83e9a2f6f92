/**
 * The marker at a replica's root: a small file with a random UUID. A root without it, or with another's, is not the volume that was declared: the disk
 * is not mounted, or it was swapped. Written once, never changed.
 */
import type { Result } from "neverthrow";
import { z } from "zod";
import { parseRootFile, type RootFileError, type RootFileUnreadable, readRootFile, writeRootFile } from "./_root-file.ts";
import type { Volume } from "./volume.ts";

export const MARKER_NAME = ".xtelemdb-replica.json";

const markerSchema = z.object({
  format: z.literal(1),
  uuid: z.uuid(),
  /** ISO 8601, UTC. */
  created: z.string(),
});

export type Marker = z.infer<typeof markerSchema>;

/** The marker at the volume's root; undefined when it is proven that there is none. */
export const readMarker = (volume: Volume): Promise<Result<Marker | undefined, RootFileError>> =>
  readRootFile(volume, MARKER_NAME, markerSchema);

/** Reads the text of a marker file. */
export const parseMarker = (path: string, text: string): Result<Marker, RootFileUnreadable> =>
  parseRootFile(path, text, markerSchema);

/** Writes the marker, durably; `exists` when there is one by now. `hex` names the temporary file. */
export const writeMarker = (volume: Volume, marker: Marker, hex: string): Promise<Result<undefined, RootFileError>> =>
  writeRootFile(volume, MARKER_NAME, marker, { hex, at: marker.created, how: "new" });
