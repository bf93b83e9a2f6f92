/** The workers that hang in one replica's volume: those of its own loop, and those that were reading there for another replica. */
import type { ReplicaId } from "../inventory/mod.ts";
import { type ReplicaProblem, replicaProblem } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";
import { replicaPlace } from "./held-up.ts";

export class HungWorkers {
  #count = 0;
  #letGo: Promise<unknown> = Promise.resolve();
  #forget: () => void = () => undefined;

  /** `onHeld`: somebody else's hangs in the replica that is followed. */
  constructor(
    private readonly agent: () => Agent,
    private readonly onHeld: (problem: ReplicaProblem, released: Promise<void>) => Promise<void>,
  ) {}

  get any(): boolean {
    return this.#count > 0;
  }

  /** Every one that has hung so far has let go. */
  get letGo(): Promise<unknown> {
    return this.#letGo;
  }

  /** One more, until `released`; then `onReleased` is called. */
  add(released: Promise<void>, onReleased: () => void): void {
    this.#count += 1;
    this.#letGo = Promise.all([this.#letGo, released]);
    void released.then(() => {
      this.#count -= 1;
      onReleased();
    });
  }

  /** From now on it is this one; undefined: none any more. */
  follow(replica: ReplicaId | undefined): void {
    this.#forget();
    if (replica === undefined) return;
    this.#forget = this.agent().heldUp.listen(replicaPlace(replica), ({ detail, released }) => {
      void this.onHeld(replicaProblem("WorkerStalled", detail), released);
    });
  }
}
