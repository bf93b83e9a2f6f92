/** What the controller and the thread that waits for inotify say to each other. */
import type { InotifyDescriptor, WakeupDescriptor, WatchEvents } from "../sys/mod.ts";

export interface WatchThreadSetup {
  readonly inotify: InotifyDescriptor;
  readonly wakeup: WakeupDescriptor;
  /** Two 32-bit numbers: see `STATE`. */
  readonly state: SharedArrayBuffer;
}

/** Places in the shared state. */
export const STATE = {
  /** How many batches the thread may still send before it must wait. */
  credits: 0,
  /** Not 0 when it shall end. */
  closing: 1,
} as const;

export type FromWatchThread =
  | { readonly kind: "events"; readonly events: WatchEvents; readonly overflowed: boolean }
  /** The last thing it says. */
  | { readonly kind: "broken"; readonly detail: string };
