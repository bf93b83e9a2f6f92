/** What a pass has planned and not done, by revision: where the next one is to begin. */
import type { PendingFile } from "../inventory/mod.ts";
import { isFoundByRevision } from "../replicate/mod.ts";
import type { Sources } from "./copy-sources.ts";

export class LeftFiles {
  #untried = Number.POSITIVE_INFINITY;
  #waiting = Number.POSITIVE_INFINITY;

  /** `since`: the revision that the pass has begun after. */
  constructor(
    private readonly since: number,
    private readonly isLeftAlone: (file: PendingFile) => boolean,
  ) {}

  /** The lowest revision of a file that another pass could try at once; infinite when there is none. */
  get untried(): number {
    return this.#untried;
  }

  /** The lowest revision of a change that nothing can give now; infinite when there is none. */
  get waiting(): number {
    return this.#waiting;
  }

  /** They were not tried: the next diff must find them again. */
  addUntried(files: readonly PendingFile[], sources: Sources): void {
    for (const file of files) {
      if (sources.of(file)?.fromCopy !== true && this.isLeftAlone(file)) this.addWaiting(file);
      else this.#untried = Math.min(this.#untried, file.revision);
    }
  }

  /** Nothing can give it now: it is found again when something can. */
  addWaiting(file: PendingFile): void {
    if (isFoundByRevision(file, this.since)) this.#waiting = Math.min(this.#waiting, file.revision);
  }
}
