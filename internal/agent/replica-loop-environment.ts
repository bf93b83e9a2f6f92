/** What the loop of one replica knows of the rest of the controller, and whom it tells. */
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { HostsAway } from "./hosts-away.ts";
import type { CopyPassResult } from "./pass-options.ts";
import type { ReplicaLoop } from "./replica-loop.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import type { Draining } from "./running-loops.ts";

export interface ReplicaLoopEnvironment {
  readonly agent: () => Agent;
  readonly signal: AbortSignal;
  readonly hosts: HostsAway;
  /** Replicas that are there now. */
  readonly ready: () => readonly CheckedReplica[];
  /** Loops of former declarations that have not ended yet. */
  readonly draining: () => readonly Draining<ReplicaLoop>[];
  /** Resolves when the local replicas have what comes from other hosts: it is fetched once. */
  readonly afterLocal: (loop: ReplicaLoop) => Promise<void>;
  /** One after the other: two new declarations of one root must not both write a marker. */
  readonly alone: <Value>(action: () => Promise<Value>) => Promise<Value>;
  /** Something that the status shows has changed. */
  readonly onChanged: () => void;
  /** A pass has ended. */
  readonly onPass: (result: CopyPassResult) => void;
  readonly onBroken: (error: AgentError) => void;
}
