/** What a pass may read from now: not from a host that is away, nor from where a worker hangs. */
import type { FileOriginId, PendingFile, ReplicaId } from "../inventory/mod.ts";
import type { Agent } from "./agent.ts";
import { type Sources, sourcesOf } from "./copy-sources.ts";
import { originPlace, replicaPlace } from "./held-up.ts";
import type { CopyPassOptions } from "./pass-options.ts";
import { isRepair } from "./repair-sources.ts";
import type { CheckedReplica } from "./replica-pass.ts";

export class SourceChoice {
  constructor(
    private readonly agent: Agent,
    /** The replica that is copied to. */
    private readonly target: ReplicaId,
    private readonly options: Pick<CopyPassOptions, "ready" | "hosts">,
  ) {}

  readonly isLeftAlone = ({ directory: { host, dataDirectory } }: PendingFile): boolean =>
    this.options.hosts?.isAway(host) === true || this.agent.heldUp.has(originPlace(host, dataDirectory));

  /** Replicas whose copies can be read. */
  readonly replicas = (): readonly CheckedReplica[] =>
    this.options.ready().filter(({ row }) => !this.agent.heldUp.has(replicaPlace(row.id)));

  of(files: readonly PendingFile[]): Sources {
    return sourcesOf(this.agent, files, this.target, this.replicas(), this.isLeftAlone);
  }

  /** Those that nothing can give. */
  withheld(page: readonly PendingFile[]): ReadonlySet<FileOriginId> {
    const asked = page.filter((file) => isRepair(file) || this.isLeftAlone(file));
    const sources = this.of(asked);
    return new Set(asked.flatMap((file) => (sources.has(file) ? [] : [file.id])));
  }
}
