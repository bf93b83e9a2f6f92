/** A world on recorded disks: inventory, configuration and status file on one, the copies on another, the origin on a third. */
import { join } from "node:path";
import { HOST, World } from "../world.ts";

export class PowerWorld extends World {
  override readonly configuration = join(this.folder, "state", "xtelemdb.toml");
  override readonly statusFile = join(this.folder, "state", "status.json");

  constructor() {
    super({ replicas: ["backup", "state"] });
  }

  /** No replica yet: that is what the first step adds. */
  declareHost(): void {
    this.declare({ replicas: [], scan: { max_loss: "100%" } });
  }

  /** Where the copy of an origin file lies, below the replica's root. */
  copyPath(path: string): string {
    return `${HOST}${this.data}/${path}`;
  }
}
