/** One file to copy: what a worker needs to know of it, and what it answers. */
import type { Digest, DirectoryId, Evidence, FileOriginId } from "../inventory/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";
import type { CopyFailureReason, FailureDomain, Obstacle } from "./copy-failure.ts";
import type { MountsBelow } from "./destination.ts";
import type { ReplicaProblem } from "./root-problem.ts";
import type { Claims } from "./writer-claims.ts";

export interface CopyRequest {
  readonly id: FileOriginId;
  readonly directory: DirectoryId;
  readonly host: string;
  /** Where the data directory is looked into; its own path on this machine when left out. */
  readonly source?: VolumeAddress;
  /** The source is a copy at another replica: what is wrong with it says nothing of the origin. */
  readonly fromCopy?: boolean;
  /** Absolute origin paths; the directory is the data directory itself or lies below it. */
  readonly dataDirectory: string;
  readonly directoryPath: string;
  readonly name: string;
  /** What the inventory says of the source: a source that is otherwise is not copied. */
  readonly evidence: Evidence;
  /** What the source looks like, where that is a copy whose replica could not keep its time; else as `evidence`. */
  readonly looksLike?: Evidence;
  /** The SHA-256 that the contents must have: anything else is not published. */
  readonly mustBe?: Uint8Array;
  /** What the inventory says of the copy that may be replaced; left out when there is none. */
  readonly replaces?: Evidence;
  /** The source seems to have gone back behind the copy that may be replaced: only one that begins as that copy does replaces it. */
  readonly goneBack?: true;
  /** The folder that it goes to, below the destination's root, if not `<origin host><origin path>`: of a restore. */
  readonly into?: string;
  /** A run was broken off in its directory: what stands under its name may be that run's, although nobody recorded it. */
  readonly brokenOff?: true;
  /** It is still growing: as much of it is copied as there is when it is opened, provided that it only grew. */
  readonly prefix?: true;
}

export type CopyOutcome =
  /** Durable under its final name. `adopted`: it was there already, and its contents equal the source's. */
  | {
      readonly kind: "stored";
      readonly id: FileOriginId;
      readonly how: "copied" | "adopted";
      readonly evidence: Evidence;
      readonly kept?: { readonly mtimeSeconds: number; readonly mtimeNanoseconds: number };
      readonly digest: Digest;
      readonly prefix?: true;
    }
  /** Still pending, for this reason. `observed`: what the source is now, where that is not what the inventory says. */
  | {
      readonly kind: "failed";
      readonly id: FileOriginId;
      readonly domain: FailureDomain;
      readonly reason: CopyFailureReason;
      readonly message: string;
      readonly observed?: Evidence;
      /** It is written to, and not only at its end. */
      readonly isRewritten?: true;
      readonly obstacle?: Obstacle;
    };

/** What may be taken of a destination. */
export interface CopyLimits {
  readonly reserveBytes: number;
  /** What becomes of files that go to another file system than the root's; refused when left out. */
  readonly mountsBelow?: MountsBelow;
  /** The room that all groups of a pass have taken (`TakenSpace`); left out where there is one group at a time. */
  readonly taken?: SharedArrayBuffer;
  /** A limit that is shared with the other groups of this destination. */
  readonly limit?: { readonly shared: SharedArrayBuffer; readonly bytesPerSecond: number };
}

export interface CopyGroup {
  readonly replica: CopyLimits & {
    readonly address: VolumeAddress;
    readonly marker: string;
    /** Of the origin hosts whose files are in the group. */
    readonly claims: Claims;
  };
  readonly requests: readonly CopyRequest[];
}

export interface CopyGroupResult {
  readonly outcomes: readonly CopyOutcome[];
  /** The replica failed as a whole: requests without an outcome were not tried. */
  readonly problem?: ReplicaProblem;
  /** Directories in which a temporary file could not be removed, or a copy may have a name that is not durable, or was not told of. */
  readonly leftovers: readonly DirectoryId[];
}

/** The path below a replica's root: `<origin host><origin path>`. */
export const replicaPathOf = (host: string, originPath: string): string => (originPath === "/" ? host : `${host}${originPath}`);

/** The folder below the destination's root that a file goes to. */
export const destinationPathOf = ({ into, host, directoryPath }: CopyRequest): string =>
  into ?? replicaPathOf(host, directoryPath);
