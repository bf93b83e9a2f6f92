/**
 * Where a worker hangs in what is read: data directories of this machine, and replicas that others are copied from. Like a host that is away, nothing is asked of one
 * until the call lets go; what only it can give waits meanwhile, and everything else goes on.
 */
import type { PendingFile, ReplicaId } from "../inventory/mod.ts";
import type { Sources } from "./copy-sources.ts";
import type { StalledReply } from "./hands.ts";

export const originPlace = (host: string, dataDirectory: string): string => `${host}:${dataDirectory}`;
export const replicaPlace = (id: ReplicaId): string => `replica ${id}`;

type Hang = Pick<StalledReply, "detail" | "released">;

interface Held {
  /** What is known of the last call that hung. */
  readonly detail: string;
  /** Resolves when all that hung there have let go. */
  readonly until: Promise<void>;
}

export class HeldUp {
  readonly #places = new Map<string, Held>();
  readonly #listeners = new Map<string, (hang: Hang) => void>();

  has(place: string): boolean {
    return this.#places.has(place);
  }

  /** Resolves when it has let go; undefined where nothing hangs. */
  until(place: string): Promise<void> | undefined {
    return this.#places.get(place)?.until;
  }

  /** Why nothing is asked there; undefined where nothing hangs. */
  detail(place: string): string | undefined {
    return this.#places.get(place)?.detail;
  }

  hold(place: string, { detail, released }: Hang): void {
    const until: Promise<void> = Promise.all([this.until(place), released]).then(() => {
      if (this.until(place) === until) this.#places.delete(place);
    });
    this.#places.set(place, { detail, until });
    this.#listeners.get(place)?.({ detail, released });
  }

  /** Whoever looks after that place is told of each hang, until what is returned is called. */
  listen(place: string, onHeld: (hang: Hang) => void): () => void {
    this.#listeners.set(place, onHeld);
    return () => {
      if (this.#listeners.get(place) === onHeld) this.#listeners.delete(place);
    };
  }
}

/** A worker that was to copy hangs. In a source of its group: that is held up, and true; else it hangs in the replica. */
export function hangsInSource(heldUp: HeldUp, group: readonly PendingFile[], sources: Sources, reply: StalledReply): boolean {
  const file = group.find(({ id }) => id === reply.atSource);
  if (file === undefined) return false;
  const replica = sources.of(file)?.replica;
  const { host, dataDirectory } = file.directory;
  heldUp.hold(replica === undefined ? originPlace(host, dataDirectory) : replicaPlace(replica), reply);
  return true;
}
