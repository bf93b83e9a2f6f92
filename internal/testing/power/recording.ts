/** A world whose disks were recorded while the steps were done, and what was on the disks before and after each. */
import { beginMark, endMark } from "./cut.ts";
import type { DiskLog } from "./disk-log.ts";
import type { Ground } from "./ground.ts";
import { type Look, look } from "./look.ts";
import { PowerWorld } from "./power-world.ts";
import { DISKS, RecordedDisks } from "./recorded-disks.ts";
import { type Step, stepsOn } from "./steps.ts";

export interface Recorded {
  readonly step: Step;
  readonly before: Look;
  readonly after: Look;
}

export class Recording {
  private constructor(
    readonly ground: Ground,
    readonly world: PowerWorld,
    readonly disks: RecordedDisks,
    readonly log: DiskLog,
    readonly steps: ReadonlyMap<string, Recorded>,
  ) {}

  /** Does the steps, and takes the disks away. The world's folders are empty then. */
  static async make(ground: Ground): Promise<Recording> {
    const world = new PowerWorld(ground.far);
    const disks = new RecordedDisks(
      world.folder,
      ground.fileSystem,
      (disk) => world.path(disk),
      ground.behindFuse ? ["backup"] : [],
    );
    await disks.begin();
    const steps = new Map<string, Recorded>();
    for (const step of stepsOn(ground)) {
      step.prepare?.(world);
      for (const disk of DISKS) if (step.unflushed?.includes(disk) !== true) disks.flush(disk);
      const before = look(world);
      disks.mark(beginMark(step.name));
      const given = step.command(world);
      const outcome = await world.run(...given);
      disks.mark(endMark(step.name));
      if (outcome.code !== (step.code ?? 0))
        throw new Error(`${given.join(" ")} ends with ${outcome.code}: ${outcome.stdout}${outcome.stderr}`);
      steps.set(step.name, { step, before, after: look(world) });
    }
    return new Recording(ground, world, disks, await disks.end(), steps);
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }
}
