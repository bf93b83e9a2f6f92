/** Who performs tasks for the controller: threads in the program, the calling thread itself in a simulation. */
import type { DirectoryDifference, FoundBatch } from "../inventory/mod.ts";
import type { Reply, Task } from "./worker-protocol.ts";

export interface TaskHandlers {
  /** Called in order; the next message of this task may be held back until it resolves. */
  readonly onDifferences?: (differences: readonly DirectoryDifference[]) => Promise<void>;
  /** The same, of an import. */
  readonly onFound?: (batch: FoundBatch) => Promise<void>;
  readonly onProgress?: (files: number, bytes: number, path: string) => void;
}

/** A task that hung, with the moment when what it held on to is free again: until then the same volume would only hang another thread. */
export interface StalledReply {
  readonly kind: "stalled";
  readonly detail: string;
  readonly released: Promise<void>;
  /** Of a copy that hangs at a source: a file (its id) that comes from there. */
  readonly atSource?: number;
}

export interface Hands {
  /** Performs a task as soon as somebody is free. */
  run(task: Task, handlers?: TaskHandlers): Promise<Reply | StalledReply>;
  /** Asks for everything under way to be brought to an end soon: files that were not begun are left untried. */
  stop(): void;
  /** Ends within a moment, whatever is under way; tasks that were not answered stay so. What hangs is left to the end of the process. */
  close(): Promise<void>;
}
