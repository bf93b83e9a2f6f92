/** Small JSON files at a volume's root that say something of the volume itself: read whole, written durably, replaced only in one step, unless the writer says that it may be gone for a moment. */
import { err, ok, type Result } from "neverthrow";
import { z } from "zod";
import { IoBuffer } from "../sys/mod.ts";
import { createAnew } from "./create-anew.ts";
import { type IsGivenUp, publishOwn } from "./publish-own.ts";
import { readUpTo } from "./read-up-to.ts";
import { temporaryName } from "./temporary-name.ts";
import type { PublishMode, Volume, VolumeDirectory } from "./volume.ts";
import type { VolumeError } from "./volume-error.ts";

/** What is longer is cut, and then no JSON. */
export const MOST_ROOT_FILE_BYTES = 4096;

/** A file that is there but does not say what it should. */
export interface RootFileUnreadable {
  readonly kind: "root-file-unreadable";
  readonly path: string;
  readonly detail: string;
}

export type RootFileError = VolumeError | RootFileUnreadable;

async function withRoot<Value>(
  volume: Volume,
  action: (root: VolumeDirectory) => Promise<Result<Value, RootFileError>>,
): Promise<Result<Value, RootFileError>> {
  const root = await volume.openDirectory("");
  if (root.isErr()) return err(root.error);
  const result = await action(root.value);
  root.value.close();
  return result;
}

/** What the file says; undefined when it is proven that there is none. */
export function readRootFile<Value>(
  volume: Volume,
  name: string,
  schema: z.ZodType<Value>,
): Promise<Result<Value | undefined, RootFileError>> {
  return withRoot(volume, async (root) => {
    const source = await root.openSource(name);
    if (source.isErr()) return source.error.reason === "not-found" ? ok(undefined) : err(source.error);
    const bytes = await readUpTo(source.value, MOST_ROOT_FILE_BYTES);
    source.value.close();
    if (bytes.isErr()) return err(bytes.error);
    return parseRootFile(`${volume.name}/${name}`, new TextDecoder().decode(bytes.value), schema);
  });
}

/** Reads the text of such a file. */
export function parseRootFile<Value>(path: string, text: string, schema: z.ZodType<Value>): Result<Value, RootFileUnreadable> {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    if (parsed.success) return ok(parsed.data);
    return err({ kind: "root-file-unreadable", path, detail: z.prettifyError(parsed.error) });
  } catch {
    return err({ kind: "root-file-unreadable", path, detail: "it is not JSON" });
  }
}

export interface RootFileWriting {
  /** Names the temporary file. */
  readonly hex: string;
  /** ISO 8601, UTC: becomes the modification time. */
  readonly at: string;
  /** "new": `exists` when there is one by now. */
  readonly how: PublishMode;
  /** Left out where nobody gives up who writes it. */
  readonly isGivenUp?: IsGivenUp;
}

/** Writes a file durably, readable by everybody. */
export function writeRootFile(
  volume: Volume,
  name: string,
  value: unknown,
  { hex, at, how, isGivenUp = () => false }: RootFileWriting,
): Promise<Result<undefined, RootFileError>> {
  return withRoot(volume, async (root) => {
    const temporary = temporaryName(hex);
    const created = await createAnew(root, temporary);
    if (created.isErr()) return err(created.error);
    const text = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    const buffer = new IoBuffer(MOST_ROOT_FILE_BYTES);
    buffer.bytes.set(text);
    const attributes = await root.attributes();
    const written = await created.value.write(buffer, text.length, 0);
    const time = { mtimeSeconds: Math.floor(Date.parse(at) / 1000), mtimeNanoseconds: 0 };
    const readable =
      attributes.isOk() && written.isOk()
        ? await created.value.seal(text.length, { ...attributes.value, mode: 0o644, ...time })
        : written;
    const synced = readable.isOk() ? await created.value.sync() : readable;
    created.value.close();
    const published = await publishOwn(root, { temporary, name, how }, synced, isGivenUp);
    return published.isErr() ? err(published.error) : root.sync();
  });
}
