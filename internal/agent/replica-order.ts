/** What replicas have to do with each other: one can be the source for another, and then it goes first. */
import { type Agent, comesFromAfar } from "./agent.ts";
import { endedWithin } from "./alarm.ts";
import type { ReplicaLoop } from "./replica-loop.ts";
import type { CheckedReplica } from "./replica-pass.ts";

/** How long a replica on another host waits for the ones here. */
const LOCAL_FIRST_MILLISECONDS = 600_000;

/** Replicas that are there. */
export const readyOf = (loops: readonly ReplicaLoop[]): CheckedReplica[] =>
  loops.flatMap(({ checked, problem }) => (checked?.found.kind === "ready" && problem === undefined ? [checked] : []));

/** What comes from another host is fetched once: the replicas here get it first, and are the source for those elsewhere. */
export async function afterLocal(agent: Agent, loop: ReplicaLoop, loops: readonly ReplicaLoop[]): Promise<void> {
  const isFar = loop.checked?.replica.target.kind === "ssh";
  if (!isFar || !comesFromAfar(agent)) return;
  const local = loops.filter(({ checked }) => checked?.replica.target.kind === "local");
  const idle = Promise.all(local.map((one) => one.idle));
  await endedWithin(agent.clock, LOCAL_FIRST_MILLISECONDS, idle, agent.options.signal);
}
