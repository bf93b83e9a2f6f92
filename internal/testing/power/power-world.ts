/** A world on recorded disks: inventory, configuration and status file on one, the copies on another, the origin on a third. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SCRATCH_VARIABLE } from "../scratch.ts";
import { SFTP_SERVER } from "../ssh-server.ts";
import { HOST, World } from "../world.ts";

export class PowerWorld extends World {
  override readonly configuration = join(this.folder, "state", "xtelemdb.toml");
  override readonly statusFile = join(this.folder, "state", "status.json");
  /** Of every run of the program. */
  readonly environment: Readonly<Record<string, string>>;

  /** `far`: the replica is reached through an sftp server, which needs no sshd: in the place of ssh there is a script that starts it. */
  constructor(readonly far: boolean) {
    super({ replicas: ["backup", "state"] });
    const ssh = this.path("ssh");
    writeFileSync(ssh, `#!/bin/sh\nexec ${SFTP_SERVER}\n`);
    chmodSync(ssh, 0o755);
    this.environment = { [SCRATCH_VARIABLE]: this.folder, XTELEMDB_SSH: ssh };
    this.runWith({ environment: this.environment });
  }

  /** No replica yet: that is what the first step adds. */
  declareHost(): void {
    this.declare({ replicas: [], scan: { max_loss: "100%" } });
  }

  /** As add_replica takes it. */
  get replica(): string {
    return this.far ? `ssh://far/${this.path("backup")}/` : this.path("backup");
  }

  /** Where the copy of an origin file lies, below the replica's root. */
  copyPath(path: string): string {
    return `${HOST}${this.data}/${path}`;
  }
}
