/**
 * What a look that does not begin at the root has to know of the directories above: a scan of the whole would not have come this way where one of them is a
 * replica, or a mount point without its disk.
 */
import { knownDirectory, type Session } from "../inventory/mod.ts";
import { type ListableDirectory, type ListableVolume, MARKER_NAME } from "../volume/mod.ts";
import type { ScanTarget } from "./scan-target.ts";

/** Is there nothing mounted any more on what was a mount point when it was listed last? */
export const isUnmounted = (directory: ListableDirectory, known: { readonly mounted: boolean } | undefined): boolean =>
  known?.mounted === true && directory.isMountPoint?.() === false;

/**
 * Is something mounted there, for the inventory to remember? An empty root holds the brake, and may be one directory of another data directory before an operator accepts its loss:
 * that it had a disk stays known until then.
 */
export function mountToRemember(directory: ListableDirectory, isRoot: boolean, acceptLoss: boolean): boolean | undefined {
  const mounted = directory.isMountPoint?.();
  return isRoot && mounted === false && !acceptLoss ? undefined : mounted;
}

export class WaysAbove {
  readonly #leftOut = new Map<string, boolean>();

  constructor(
    private readonly volume: ListableVolume,
    private readonly session: Session,
    private readonly target: ScanTarget,
  ) {}

  /** Is this directory of the data directory, or one above it, left out? Only of this machine, where events lead anywhere. */
  async isLeftOut(path: string): Promise<boolean> {
    const { root } = this.target;
    const known = this.#leftOut.get(path);
    if (known !== undefined) return known;
    const above = path !== root && (await this.isLeftOut(path.slice(0, path.lastIndexOf("/")) || "/"));
    const leftOut = above || (await this.#isItself(path));
    this.#leftOut.set(path, leftOut);
    return leftOut;
  }

  async #isItself(path: string): Promise<boolean> {
    const { host, dataDirectory, root } = this.target;
    const opened = await this.volume.openDirectory(path === root ? "" : path.slice(root === "/" ? 1 : root.length + 1));
    if (opened.isErr()) return false;
    const directory = opened.value;
    const isLocal = directory.isMountPoint !== undefined;
    const marker = isLocal ? await directory.look(MARKER_NAME) : undefined;
    const isReplica = marker?.isOk() === true && marker.value?.kind === "file";
    const unmounted = path !== root && isUnmounted(directory, knownDirectory(this.session, host, dataDirectory, path));
    directory.close();
    return isReplica || unmounted;
  }
}
