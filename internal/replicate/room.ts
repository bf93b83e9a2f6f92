/** Is there room for the next file of a group? What does not fit is told by its path; when nothing more fits at all, that is the replica's problem. */
import { err, ok, type Result } from "neverthrow";
import { type FileStat, printable } from "../sys/mod.ts";
import type { Volume, VolumeError } from "../volume/mod.ts";
import { isSparse } from "./copy-bytes.ts";
import type { CopyFailure } from "./copy-failure.ts";
import type { CopyLimits, CopyRequest } from "./copy-request.ts";
import { type ReplicaProblem, replicaProblem } from "./root-problem.ts";
import { type Grant, SpaceBudget, TakenSpace } from "./space-budget.ts";

export class Room {
  #problem: ReplicaProblem | undefined;

  private constructor(
    private readonly volume: Volume,
    private readonly budget: SpaceBudget,
  ) {}

  /** As much as there is now, within the limits. */
  static async measure(volume: Volume, { reserveBytes, taken }: CopyLimits): Promise<Result<Room, VolumeError>> {
    const shared = new TakenSpace(taken);
    return (await volume.space()).map((space) => new Room(volume, new SpaceBudget(space, reserveBytes, shared)));
  }

  /** Why not even a small file would fit any more. */
  get problem(): ReplicaProblem | undefined {
    return this.#problem;
  }

  /**
   * Takes what a file needs: its size, or what is allocated of it when it has holes. A file of holes that is larger than the whole volume is not begun: one call makes a
   * file of petabytes, and reading its zeros would keep everybody else's files waiting for years.
   */
  take(request: CopyRequest, stat: FileStat): Result<Grant, CopyFailure> {
    const path = printable(`${request.directoryPath}/${request.name}`);
    const root = printable(this.volume.name);
    if (stat.size > this.budget.totalBytes) {
      const message = `${path} is ${stat.size} bytes long, more than ${root} holds altogether (${this.budget.totalBytes} bytes)`;
      return err({ domain: "replica", reason: "NoSpace", message });
    }
    const needed = isSparse(stat) ? stat.blocks * 512 : stat.size;
    const reason = this.budget.take(needed);
    if (typeof reason !== "string") return ok(reason);
    const message =
      reason === "NoInodes"
        ? `${root} has no free inode for ${path}`
        : `${path} needs ${needed} bytes, but ${root} has ${Math.max(0, this.budget.freeBytes)} bytes to spare`;
    if (this.budget.exhausted) this.#problem = replicaProblem(reason, message);
    return err({ domain: "replica", reason, message });
  }

  /** What was granted is written, or set aside. Where the free space does not show that until it is flushed, it counts to the end of the group. */
  written(grant: Grant): void {
    if (this.volume.showsSpaceAtOnce) this.budget.seen(grant);
  }

  /** The group is flushed. */
  close(): void {
    this.budget.close();
  }

  /** ENOSPC says the same for bytes and for inodes; a name that cannot be made on a disk with bytes to spare lacks an inode. */
  async whyNotCreated(failure: CopyFailure): Promise<CopyFailure> {
    if (failure.reason !== "NoSpace") return failure;
    const space = await this.volume.space();
    if (space.isErr() || space.value.totalInodes === 0 || space.value.freeInodes > 0) return failure;
    this.#problem = replicaProblem("NoInodes", failure.message);
    return { ...failure, reason: "NoInodes" };
  }
}
