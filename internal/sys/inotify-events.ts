/** What inotify(7) reports, as columns. Pure: bytes in, events out. */
import { textOfBytes } from "./name-bytes.ts";

/** The bits of an event's mask. */
export const IN = {
  closeWrite: 0x8,
  movedTo: 0x80,
  create: 0x100,
  /** Of the watched directory itself: deleted, moved, its file system unmounted, its watch gone. */
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  ignored: 0x8000,
  /** Events were lost. */
  overflow: 0x4000,
  isDirectory: 0x40000000,
} as const;

/** Row by row: what happened to a name in a watched directory. */
export interface WatchEvents {
  readonly watches: Int32Array;
  /** Bits of `IN`. */
  readonly masks: Uint32Array;
  /** As text (`name-bytes`); "" for the directory itself. */
  readonly names: readonly string[];
}

export interface DecodedEvents extends WatchEvents {
  /** The kernel's queue was full, and events were lost. */
  readonly overflowed: boolean;
}

/** Offsets in struct inotify_event; the name follows, and is padded with NULs to `nameLength`. */
const EVENT = { watch: 0, mask: 4, nameLength: 12, name: 16 } as const;

/**
 * Decodes what one read(2) brought. What happened several times to one name is one row, at the place of the first, with all bits; a directory and a
 * file that had the same name one after the other are two.
 */
export function decodeEvents(bytes: Uint8Array): DecodedEvents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = new Map<string, number>();
  const watches: number[] = [];
  const masks: number[] = [];
  const names: string[] = [];
  let overflowed = false;
  for (let at = 0; at + EVENT.name <= bytes.length; at += EVENT.name + view.getUint32(at + EVENT.nameLength, true)) {
    const mask = view.getUint32(at + EVENT.mask, true);
    if ((mask & IN.overflow) !== 0) {
      overflowed = true;
      continue;
    }
    const watch = view.getInt32(at + EVENT.watch, true);
    const padded = bytes.subarray(at + EVENT.name, at + EVENT.name + view.getUint32(at + EVENT.nameLength, true));
    const end = padded.indexOf(0);
    const name = textOfBytes(end < 0 ? padded : padded.subarray(0, end));
    const key = `${watch}${(mask & IN.isDirectory) === 0 ? ":" : "/"}${name}`;
    const row = rows.get(key);
    if (row !== undefined) masks[row] = (masks[row] ?? 0) | mask;
    else {
      rows.set(key, names.length);
      watches.push(watch);
      masks.push(mask);
      names.push(name);
    }
  }
  return { watches: Int32Array.from(watches), masks: Uint32Array.from(masks), names, overflowed };
}
