/** What looking at a copy, or reading it back, has come to. */
import type { FileOriginId, VerdictState } from "../inventory/mod.ts";

/** `listed`: its name is there. `metadata`: its size and time are as kept. `content`: its bytes are, read from the disk. */
export const VERIFY_LEVELS = ["listed", "metadata", "content"] as const;
export type VerifyLevel = (typeof VERIFY_LEVELS)[number];

export interface VerifyGood {
  readonly kind: "good";
  readonly id: FileOriginId;
  /** Its bytes were read and are what they should be, or the first that were ever hashed. */
  readonly read: boolean;
  /** The first digest of a copy that had none. */
  readonly digest?: Uint8Array;
  /** Only its modification time is another than was kept. */
  readonly kept?: { readonly mtimeSeconds: number; readonly mtimeNanoseconds: number };
  /** It was read wrong once, and right the second time: the disk, its cable or the memory. */
  readonly unsteady?: true;
}

export interface VerifyFinding {
  readonly kind: "finding";
  readonly id: FileOriginId;
  readonly state: VerdictState;
  readonly message: string;
  readonly expected?: Uint8Array;
  readonly found?: Uint8Array;
  /** The disk gave an error: where many do, it is the disk and not the files. */
  readonly unreadable?: true;
}

/** Nothing can be said of it, for this reason. */
export interface VerifyUnread {
  readonly kind: "unread";
  readonly id: FileOriginId;
  readonly message: string;
  /** Another inventory keeps its row: it is not ours to judge. */
  readonly theirs?: true;
}

export type VerifyOutcome = VerifyGood | VerifyFinding | VerifyUnread;
