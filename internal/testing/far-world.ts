/** A world with a replica behind a real sshd. */
import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "./program.ts";
import { SshServer, type SshServerOptions } from "./ssh-server.ts";
import { temporaryFiles } from "./tree.ts";
import { until } from "./until.ts";
import { World } from "./world.ts";

export const FAR_FILES = [
  { path: "one", content: "1" },
  { path: "deep/two", content: "22" },
  { path: "deep/empty", content: "" },
];

/** A world whose replica `far` is reached through ssh; beside it a local one, which must never suffer. */
export class FarWorld extends World {
  readonly url = `ssh://127.0.0.1/${this.path("far")}/`;

  private constructor(readonly server: SshServer) {
    super();
  }

  static async begin(options: SshServerOptions = {}): Promise<FarWorld> {
    const scratch = new World();
    const server = await SshServer.start(join(scratch.folder, "sshd"), options);
    const world = new FarWorld(server);
    mkdirSync(world.path("far"));
    world.reach();
    return world;
  }

  override [Symbol.dispose](): void {
    this.server.stop();
    super[Symbol.dispose]();
  }

  /** Declares both replicas, the far one with these options for ssh. */
  reach(options: readonly string[] = this.server.options(), more: Readonly<Record<string, string | number>> = {}): void {
    this.declare({ replicas: ["backup", this.url], replicaKeys: { [this.url]: { ssh_options: options, ...more } } });
  }

  /** The far replica is not ready for this reason, in the far end's words; the local one has everything. */
  async expectTrouble(reason: string, words: RegExp): Promise<void> {
    const outcome = await this.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    const ready = this.replicaStatus(this.url).conditions.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({ status: "False", reason });
    expect(ready?.message).toMatch(words);
    expect(ready?.help).not.toBe("");
    expect(this.copiedFiles("backup")).toEqual(this.originFiles());
    expect(this.readyReason("backup")).toBe("Converged");
  }

  /** Waits until so many files stand in the far folder `many`. */
  async arrived(count: number): Promise<void> {
    const folder = join(this.copies("far"), "many");
    await until(
      `${count} files arrive`,
      () => existsSync(folder) && readdirSync(folder).filter((name) => !name.startsWith(".")).length >= count,
    );
  }

  /** Everything is there, byte for byte, with the times that SFTP can keep. */
  async expectHealed(): Promise<void> {
    const outcome = await this.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(0);
    command("diff", "-r", this.data, this.copies("far"));
    expect(temporaryFiles(this.path("far"))).toEqual([]);
  }
}
