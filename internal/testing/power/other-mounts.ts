/** A place of its own to mount things in: a mount namespace that nobody else sees, and that is gone, with all that is mounted there, when its one process ends. */
import { readlinkSync } from "node:fs";
import { SCRATCH_VARIABLE } from "../scratch.ts";
import { until } from "../until.ts";

const namespaceOf = (pid: number | "self"): string => readlinkSync(`/proc/${pid}/ns/mnt`);

export class OtherMounts {
  private constructor(private readonly process: Bun.Subprocess) {}

  /** `scratch`: the folder with which it goes at the latest. */
  static async make(scratch: string): Promise<OtherMounts> {
    const child = Bun.spawn(["unshare", "--mount", "--propagation", "private", "sleep", "infinity"], {
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin", [SCRATCH_VARIABLE]: scratch },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
    await until("a mount namespace", () => namespaceOf(child.pid) !== namespaceOf("self"));
    return new OtherMounts(child);
  }

  /** In front of a command that is to run there. */
  get wrapper(): readonly string[] {
    return ["nsenter", `--mount=/proc/${this.process.pid}/ns/mnt`, "--"];
  }

  async end(): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.exited;
  }
}
