/** The way from a data directory's loop to its host: what its replies show of it, and when the loop is to knock. A host that is this machine is never away. */
import { isTransportReason } from "../volume/mod.ts";
import type { HostsAway } from "./hosts-away.ts";
import type { ScanTimes } from "./scan-times.ts";
import type { ScanReply } from "./worker-protocol.ts";

export class WayToHost {
  constructor(
    private readonly host: string,
    private readonly hosts: HostsAway,
    private readonly times: ScanTimes,
  ) {}

  get isAway(): boolean {
    return this.hosts.isAway(this.host);
  }

  /** When to knock, by the clock that never jumps; undefined while it can be reached. Where a scan has failed, it is the scan that goes on trying. */
  get knockAt(): number | undefined {
    const retryAt = this.hosts.retryAt(this.host);
    return retryAt !== undefined && this.times.hasFailed ? Number.POSITIVE_INFINITY : retryAt;
  }

  /** A task was answered. `begun`: when it was asked for. */
  heard({ problems, rootProblem }: ScanReply, begun: number): void {
    if (problems.some(({ code }) => isTransportReason(code))) this.hosts.lost(this.host, begun, rootProblem === undefined);
    else this.hosts.reached(this.host);
  }
}
