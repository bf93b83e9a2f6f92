/**
 * The marker at a replica's root: a small file with a random UUID. A root without it, or with another's, is not the volume that was declared: the disk
 * is not mounted, or it was swapped. Written once, never changed.
 */
import { err, ok, type Result } from "neverthrow";
import { z } from "zod";
import { IoBuffer } from "../sys/mod.ts";
import { temporaryName } from "./temporary-name.ts";
import type { Volume, VolumeDirectory } from "./volume.ts";
import type { VolumeError } from "./volume-error.ts";

export const MARKER_NAME = ".xtelemdb-replica.json";
const MAX_MARKER_BYTES = 4096;

const markerSchema = z.object({
  format: z.literal(1),
  uuid: z.uuid(),
  /** ISO 8601, UTC. */
  created: z.string(),
});

export type Marker = z.infer<typeof markerSchema>;

/** A marker file that is there but does not say whose volume it is. */
export interface MarkerUnreadable {
  readonly kind: "marker-unreadable";
  readonly path: string;
  readonly detail: string;
}

export type MarkerError = VolumeError | MarkerUnreadable;

async function withRoot<Value>(
  volume: Volume,
  action: (root: VolumeDirectory) => Promise<Result<Value, MarkerError>>,
): Promise<Result<Value, MarkerError>> {
  const root = await volume.openDirectory("");
  if (root.isErr()) return err(root.error);
  const result = await action(root.value);
  root.value.close();
  return result;
}

/** The marker at the volume's root; undefined when it is proven that there is none. */
export function readMarker(volume: Volume): Promise<Result<Marker | undefined, MarkerError>> {
  return withRoot(volume, async (root) => {
    const source = await root.openSource(MARKER_NAME);
    if (source.isErr()) return source.error.reason === "not-found" ? ok(undefined) : err(source.error);
    const buffer = new IoBuffer(MAX_MARKER_BYTES);
    const length = await source.value.read(buffer, MAX_MARKER_BYTES, 0);
    source.value.close();
    if (length.isErr()) return err(length.error);
    return parseMarker(`${volume.name}/${MARKER_NAME}`, new TextDecoder().decode(buffer.bytes.subarray(0, length.value)));
  });
}

/** Reads the text of a marker file. */
export function parseMarker(path: string, text: string): Result<Marker, MarkerUnreadable> {
  try {
    const parsed = markerSchema.safeParse(JSON.parse(text));
    if (parsed.success) return ok(parsed.data);
    return err({ kind: "marker-unreadable", path, detail: z.prettifyError(parsed.error) });
  } catch {
    return err({ kind: "marker-unreadable", path, detail: "it is not JSON" });
  }
}

/** Writes the marker, durably; `exists` when there is one by now. `hex` names the temporary file. */
export function writeMarker(volume: Volume, marker: Marker, hex: string): Promise<Result<undefined, MarkerError>> {
  return withRoot(volume, async (root) => {
    const temporary = temporaryName(hex);
    const created = await root.createTemporary(temporary);
    if (created.isErr()) return err(created.error);
    const text = new TextEncoder().encode(`${JSON.stringify(marker)}\n`);
    const buffer = new IoBuffer(MAX_MARKER_BYTES);
    buffer.bytes.set(text);
    const attributes = await root.attributes();
    const written = await created.value.write(buffer, text.length, 0);
    const readable =
      attributes.isOk() && written.isOk()
        ? await created.value.seal(text.length, { ...attributes.value, mode: 0o644, ...nowOf(marker) })
        : written;
    const synced = readable.isOk() ? await created.value.sync() : readable;
    created.value.close();
    const published = synced.isOk() ? await root.publish(temporary, MARKER_NAME, "new") : synced;
    if (published.isErr()) {
      await root.removeTemporary(temporary);
      return err(published.error);
    }
    return root.sync();
  });
}

const nowOf = (marker: Marker): { mtimeSeconds: number; mtimeNanoseconds: number } => ({
  mtimeSeconds: Math.floor(Date.parse(marker.created) / 1000),
  mtimeNanoseconds: 0,
});
