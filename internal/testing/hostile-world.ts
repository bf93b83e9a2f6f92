/** A world in which one far end means harm: a replica there, and an origin host. Beside them a replica on this machine and one at an honest far end, which must never suffer. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Distortion } from "./hostile-sftp.ts";
import { type MeasuredOutcome, measured } from "./measured.ts";
import { World } from "./world.ts";

const BEFORE = [
  { path: "old", content: "old" },
  { path: "deep/changed", content: "before" },
];

const FILES = [
  { path: "deep/changed", content: "after it was changed" },
  { path: "one", content: "1" },
  { path: "deep/two", content: "22" },
  { path: "deep/deeper/three", content: "333" },
  { path: "empty", content: "" },
  { path: "large", size: 300_000, seed: 1 },
  ...Array.from({ length: 20 }, (_, index) => ({ path: `many/${index}`, content: "x".repeat(index * 100) })),
];

/** Where nothing may be read or written. */
const CANARY = [
  { path: "file", content: "untouched" },
  { path: "deep/file", content: "untouched too" },
];

export class HostileWorld extends World {
  readonly far = `ssh://hostile/${this.path("far")}/`;
  readonly honest = `ssh://honest/${this.path("honest")}/`;

  constructor(scan: Readonly<Record<string, string | number>> = {}) {
    super();
    for (const name of ["far", "honest", "remote"]) mkdirSync(this.path(name));
    this.declare({
      hosts: { exao1: ["data"], icc: ["remote"] },
      hostKeys: { icc: { address: "ssh://hostile", timeout: "2s" } },
      replicas: ["backup", this.far, this.honest],
      replicaKeys: { [this.far]: { timeout: "2s", import_origins: true } },
      scan: { max_loss: "100%", max_entries: 2_000, ...scan },
    });
    this.files(...BEFORE);
    this.makeTree("remote", BEFORE);
    this.makeTree("canary", CANARY);
    this.become("honest");
  }

  /** More files, and one that changed, at both origins. */
  goOn(): void {
    this.files(...FILES);
    this.makeTree("remote", FILES);
  }

  /** What the far end does from now on. */
  become(distortion: Distortion): void {
    const program = join(import.meta.dir, "hostile-sftp.ts");
    const server = `case "$*" in *hostile*) exec ${process.execPath} ${program} '${distortion}';; esac; exec /usr/lib/openssh/sftp-server`;
    writeFileSync(this.path("ssh"), `#!/bin/sh\n${server}\n`, { mode: 0o755 });
    this.runWith({ environment: { XTELEMDB_SSH: this.path("ssh") } });
  }

  /** Runs a command, and tells the most memory that it took, in MB. */
  measured(...given: readonly string[]): Promise<MeasuredOutcome> {
    return measured(this.start(...given));
  }
}
