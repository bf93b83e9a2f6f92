/** A world with two replicas that have everything: one of them is in the hands of somebody who means harm; the other must never suffer. */
import { mkdirSync } from "node:fs";
import { type MeasuredOutcome, measured } from "./measured.ts";
import { World } from "./world.ts";

export class HostileReplicaWorld extends World {
  readonly hostile = this.path("hostile");

  /** What was declared is so: the harm may begin. */
  static async begin(): Promise<HostileReplicaWorld> {
    const world = new HostileReplicaWorld({ replicas: ["backup", "hostile"] });
    mkdirSync(world.path("canary"));
    world.makeTree("canary", [{ path: "file", content: "nobody may read this" }]);
    world.files({ path: "one", content: "1" }, { path: "deep/two", content: "22" });
    await world.sync();
    world.files({ path: "deep/later", content: "333" });
    return world;
  }

  /** Runs a command, and tells the most memory that it took, in MB. */
  measured(...given: readonly string[]): Promise<MeasuredOutcome> {
    return measured(this.start(...given));
  }
}
