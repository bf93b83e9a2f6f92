/**
 * Is the agent ready: could a file that settles now go to every declared replica? That is less than `converged`, because at night files are always pending.
 * A replica is ready while its conditions let it work: files that wait, grow or failed one by one do not count against it, what holds for the whole replica does.
 */
import { printable } from "../sys/mod.ts";
import type { Reason } from "./condition.ts";
import type { ConditionStatusDocument, ReplicaStatus, StatusDocument } from "./status-document.ts";

/** Not as it should be, and yet the work goes on. */
const WORK_GOES_ON: readonly string[] = [
  "FilesPending",
  "FilesGrowing",
  "FilesFailed",
  "PartlyUnreadable",
] satisfies readonly Reason[];

const conditionOf = (conditions: readonly ConditionStatusDocument[], type: string): ConditionStatusDocument | undefined =>
  conditions.find((condition) => condition.type === type);

/** What keeps a condition that must be true from counting as that; undefined when nothing does. */
export function hindrance(
  condition: Pick<ConditionStatusDocument, "status" | "reason" | "message"> | undefined,
): string | undefined {
  if (condition === undefined || condition.status === "Unknown") return "was not looked at yet";
  if (condition.status === "True" || WORK_GOES_ON.includes(condition.reason)) return undefined;
  return `${condition.reason}: ${condition.message}`;
}

function replicaHindrance({ conditions }: ReplicaStatus): string | undefined {
  const stalled = conditionOf(conditions, "Stalled");
  if (stalled?.status === "True") return `Stalled: ${stalled.reason}: ${stalled.message}`;
  const space = conditionOf(conditions, "SpaceAvailable");
  return hindrance(conditionOf(conditions, "Ready")) ?? (space === undefined ? undefined : hindrance(space));
}

/** Why the agent is not ready, a line each; empty when it is. */
export function notReadyReasons(status: StatusDocument): string[] {
  const directories = status.hosts
    .filter(({ scannedHere }) => scannedHere)
    .flatMap(({ name, dataDirectories }) => dataDirectories.filter(({ declared }) => declared).map((one) => ({ name, ...one })));
  const found = [
    ...directories.map(({ name, path, conditions }) => ({
      subject: `data directory ${name}:${path}`,
      why: hindrance(conditionOf(conditions, "Scanned")),
    })),
    ...status.replicas
      .filter(({ declared }) => declared)
      .map((replica) => ({ subject: `replica ${replica.url}`, why: replicaHindrance(replica) })),
  ];
  return [
    ...(directories.length === 0 ? ["agent: no data directory is declared for this host"] : []),
    ...found.flatMap(({ subject, why }) => (why === undefined ? [] : [`${printable(subject)}: ${why.replaceAll("\n", " ")}`])),
  ];
}
