/**
 * The replicas in the simulation: a disk that can be pulled out and swapped, a small one that fills up, and a far host behind a stand-in for ssh that can be away.
 * `volume` is where the contents of a replica are now, wherever it is mounted.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountMemory, SFTP_SERVER } from "../../testing/mod.ts";
import { closeIdleConnections } from "../../volume/mod.ts";

export const REPLICAS = ["disk", "small", "far"] as const;
export type ReplicaName = (typeof REPLICAS)[number];

export class Destinations {
  readonly #disk: string;
  readonly #small: string;
  readonly #far: string;
  readonly #hostIsAway: string;
  #isPulled = false;

  constructor(private readonly folder: string) {
    this.#disk = join(folder, "disk");
    this.#small = join(folder, "small");
    this.#far = join(folder, "far");
    this.#hostIsAway = join(folder, "away");
    mkdirSync(this.#disk);
    mkdirSync(this.#far);
    mountMemory(this.#small, { size: "4m" });
    const away = `[ -e ${this.#hostIsAway} ] && { echo "ssh: connect to host far port 22: No route to host" >&2; exit 255; }`;
    const ssh = join(folder, "ssh");
    writeFileSync(ssh, `#!/bin/sh\n${away}\nexec ${SFTP_SERVER}\n`, { mode: 0o755 });
    process.env.XTELEMDB_SSH = ssh;
  }

  /** As the inventory names it: with a slash at its end where it is far. */
  idOf(name: ReplicaName): string {
    const url = this.urlOf(name);
    return name === "far" ? `${url.replace(/\/+$/, "")}/` : url;
  }

  urlOf(name: ReplicaName): string {
    return name === "far" ? `ssh://far/${this.#far}` : join(this.folder, name);
  }

  volumeOf(name: ReplicaName): string {
    if (name === "far") return this.#far;
    if (name === "small") return this.#small;
    return this.#isPulled ? `${this.#disk}.pulled` : this.#disk;
  }

  /** An empty mount point is left; with `swapped` another volume, which has a marker of its own. */
  pullDisk(swapped: boolean): void {
    if (this.#isPulled) return;
    renameSync(this.#disk, `${this.#disk}.pulled`);
    mkdirSync(this.#disk);
    this.#isPulled = true;
    if (!swapped) return;
    const marker = { format: 1, uuid: "99999999-2222-4333-8444-555555555555", created: "2026-01-01T00:00:00.000Z" };
    writeFileSync(join(this.#disk, ".xtelemdb-replica.json"), JSON.stringify(marker));
  }

  returnDisk(): void {
    if (!this.#isPulled) return;
    rmSync(this.#disk, { recursive: true });
    renameSync(`${this.#disk}.pulled`, this.#disk);
    this.#isPulled = false;
  }

  /** What stands in the place of the disk while it is away, apart from a foreign marker: nothing may ever. */
  strayFiles(): boolean {
    return this.#isPulled && existsSync(join(this.#disk, "exao1"));
  }

  fillSmall(): void {
    for (let size = 1 << 22; size >= 1; size >>= 1) {
      try {
        writeFileSync(join(this.#small, `ballast${size}`), Buffer.alloc(size));
      } catch {
        // As much of it as there was room for is there: that is the point.
      }
    }
  }

  freeSmall(): void {
    for (let size = 1 << 22; size >= 1; size >>= 1) rmSync(join(this.#small, `ballast${size}`), { force: true });
  }

  farGoesAway(): void {
    writeFileSync(this.#hostIsAway, "");
    closeIdleConnections();
  }

  farComesBack(): void {
    rmSync(this.#hostIsAway, { force: true });
    // A refusal is remembered for a moment of real time, which is hours here.
    closeIdleConnections();
  }

  close(): void {
    closeIdleConnections();
    delete process.env.XTELEMDB_SSH;
  }
}
