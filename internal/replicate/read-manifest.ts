/** Reads manifests of a replica, a piece at a time. What they say is never more than a claim: whoever uses it looks at the file. */
import { err, ok, type Result } from "neverthrow";
import { IoBuffer } from "../sys/mod.ts";
import type { ListableVolume, Volume, VolumeDirectory, VolumeError } from "../volume/mod.ts";
import { manifestFolder, manifestName } from "./manifest-place.ts";
import { type ManifestPiece, ManifestReader, type ManifestSubject } from "./manifest-text.ts";

const BUFFER_BYTES = 256 << 10;

/** The names of a host's manifests; none where there is no folder of them. */
export async function manifestsOf(volume: ListableVolume, host: string): Promise<Result<ReadonlySet<string>, VolumeError>> {
  const names = new Set<string>();
  const opened = await volume.openDirectory(manifestFolder(host));
  if (opened.isErr()) return opened.error.reason === "not-found" ? ok(names) : err(opened.error);
  const nothing = (): void => undefined;
  const file = (name: string): unknown => names.add(name);
  const listed = await opened.value.entries({
    file,
    directory: nothing,
    symlink: nothing,
    special: nothing,
    unreadable: nothing,
  });
  opened.value.close();
  return listed.map(() => names);
}

/** Hands on what the manifest of a directory says. */
export async function readManifest(
  volume: Volume,
  host: string,
  directory: string,
  take: (piece: ManifestPiece) => Promise<void> | undefined,
): Promise<Result<undefined, VolumeError>> {
  const folder = await volume.openDirectory(manifestFolder(host));
  if (folder.isErr()) return err(folder.error);
  const read = await readManifestIn(folder.value, { host, directory }, take);
  folder.value.close();
  return read;
}

/** The same, where the folder of the host's manifests is open. */
export async function readManifestIn(
  folder: VolumeDirectory,
  subject: ManifestSubject,
  take: (piece: ManifestPiece) => Promise<void> | undefined,
  name = manifestName(subject.directory),
): Promise<Result<undefined, VolumeError>> {
  const source = await folder.openSource(name);
  if (source.isErr()) return err(source.error);
  const reader = new ManifestReader(subject);
  const buffer = new IoBuffer(BUFFER_BYTES);
  let result: Result<undefined, VolumeError> = ok(undefined);
  for (let position = 0; ; ) {
    const length = await source.value.read(buffer, buffer.size, position);
    if (length.isErr()) result = err(length.error);
    if (length.isErr() || length.value === 0) break;
    position += length.value;
    for (const piece of reader.take(buffer.bytes.subarray(0, length.value))) await take(piece);
    if (reader.isGivenUp) break;
  }
  source.value.close();
  if (result.isOk()) for (const piece of reader.end()) await take(piece);
  return result;
}
