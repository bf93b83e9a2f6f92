/** The whole story of one path, from the inventory alone: every pending file has a reason (law 7). */
import { ResultAsync } from "neverthrow";
import type { DesiredState } from "../config/mod.ts";
import {
  type Attempt,
  allReplicas,
  asRecorded,
  attemptsAt,
  copiesOf,
  dataDirectoryScans,
  type Evidence,
  type FileOrigin,
  type FileReplica,
  type Finding,
  findFileOrigins,
  findingsAt,
  knownHosts,
  openInventoryForReading,
  type ReplicaId,
  readConditions,
  replicaAttempts,
  type Session,
  type StoredCondition,
  sameEvidence,
} from "../inventory/mod.ts";
import { replicaPathOf } from "../replicate/mod.ts";
import { isoTime } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { isReason, REASONS } from "./condition.ts";
import { blockedReplica } from "./explain-blocked.ts";
import { growingMessage, growingReason, growingTimes, prefixDueAt } from "./explain-growing.ts";
import { type Elsewhere, keptReason } from "./explain-kept.ts";
import { howTakenBack, isWrong, noOtherSource, repairReason, type WrongCopy } from "./explain-repair.ts";
import { explainUnknown } from "./explain-unknown.ts";
import { unreachableOrigin } from "./explain-unreachable.ts";
import { type Unseen, unseenFile } from "./explain-unseen.ts";
import { waitingForScan } from "./explain-waiting.ts";
import { attemptTold, isOfTheCopy } from "./failed-attempt.ts";
import type { Explanation, FileExplanation, FileReplicaExplanation } from "./reports.ts";
import { dataDirectorySubject } from "./status.ts";

/** Explains an absolute origin path. Takes no lock: it may be asked while a sync runs. */
export function explain(state: DesiredState, path: string): ResultAsync<Explanation, AgentError> {
  const opened = openInventoryForReading(state.database);
  const result = opened.andThen((session) => {
    const explained = session.readNow(() => explainPath(session, state, asRecorded(session, knownHosts(session), path)));
    session.close();
    return explained;
  });
  return result.isOk() ? ResultAsync.fromSafePromise(Promise.resolve(result.value)) : new ResultAsync(Promise.resolve(result));
}

function explainPath(session: Session, state: DesiredState, path: string): Explanation {
  const origins = findFileOrigins(session, path);
  const conditions = readConditions(session);
  const files = origins.map((origin) => explainFile(session, state, origin, conditions));
  return { path, files, unknown: files.length > 0 ? null : explainUnknown(session, state, path, conditions) };
}

function explainFile(
  session: Session,
  state: DesiredState,
  origin: FileOrigin,
  conditions: readonly StoredCondition[],
): FileExplanation {
  const copies = copiesOf(session, origin.id);
  const attempts = attemptsAt(session, origin.id);
  const findings = findingsAt(session, origin.id);
  const declaredUrls: readonly string[] = state.replicas.map((replica) => replica.id);
  const urls = [...new Set([...declaredUrls, ...copies.map((copy) => copy.url)])];
  const scans = dataDirectoryScans(session);
  const scan = scans.find(({ host, path }) => host === origin.host && path === origin.dataDirectory);
  const unreachable = unreachableOrigin(session, origin, scans, conditions);
  const waiting = waitingForScan(session, scan, origin, conditions);
  const isInDoubt = frozenBy(origin, conditions) !== undefined || waiting !== undefined;
  /** When what there is of a growing file is copied to a replica, as far as nothing is in the way. */
  const dueAt = (url: string): number | undefined => {
    const copy = copies.find((one) => one.url === url);
    const isHeld =
      unreachable !== undefined || (isInDoubt && copy !== undefined) || blockedReplica(url, conditions) !== undefined;
    const attempt = attempts.find(({ replica }) => replica === replicaIdOf(session, url));
    return isHeld ? undefined : prefixDueAt(origin, copy, attempt, state.scan.maxWaitMilliseconds);
  };
  return {
    host: origin.host,
    dataDirectory: origin.dataDirectory,
    declared: origin.declared,
    state: origin.state,
    size: origin.evidence.size,
    modified: modifiedText(origin.evidence),
    observed: isoTime(origin.observedAt),
    growing: growingTimes(origin, declaredUrls.map(dueAt)),
    message: originMessage(origin, state, conditions),
    unseen: (origin.declared && scan && unseenFile(session, scan, conditions, origin)) || null,
    replicas: urls.map((url) => {
      const copy = copies.find((one) => one.url === url);
      const attempt = attempts.find((one) => one.replica === (copy?.replica ?? replicaIdOf(session, url)));
      const finding = findings.find(({ replica }) => replica === copy?.replica);
      const replica = copy?.replica ?? replicaIdOf(session, url);
      const replicaNextAt = replica === undefined ? null : replicaAttempts(session, replica).nextAt;
      const wrong = copy && isWrong(copy) && { origin, copy, attempt, copies, declared: declaredUrls, conditions };
      const known = {
        copy,
        wrong: wrong || undefined,
        attempt,
        finding,
        replicaNextAt,
        unreachable,
        waiting,
        elsewhere: copies
          .filter((one) => one.url !== url && one.state === "current")
          .map((one) => ({ url: one.url, declared: declaredUrls.includes(one.url) }))
          .toSorted((one, other) => Number(other.declared) - Number(one.declared))[0],
        prefixDueAt: dueAt(url),
      };
      return explainReplica(origin, url, declaredUrls.includes(url), known, conditions);
    }),
  };
}

const replicaIdOf = (session: Session, url: string): ReplicaId | undefined =>
  allReplicas(session).find((replica) => replica.url === url)?.id;

/** Nanoseconds and all, for years that Date can show; else the plain number. */
function modifiedText({ mtimeSeconds, mtimeNanoseconds }: Omit<Evidence, "size">): string {
  const whole = new Date(mtimeSeconds * 1000);
  if (Number.isNaN(whole.getTime())) return `${mtimeSeconds} s after 1970`;
  return whole.toISOString().replace(".000Z", `.${String(mtimeNanoseconds).padStart(9, "0")}Z`);
}

const IMPORTED =
  "it is known from a copy alone: no scan of its host has looked for it yet, so it is neither missing nor deleted there";

function originMessage(origin: FileOrigin, state: DesiredState, conditions: readonly StoredCondition[]): string {
  if (!origin.declared && origin.state === "imported") return IMPORTED;
  if (!origin.declared)
    return "its host or data directory is not declared any more: the rows and copies are kept, nothing new is copied";
  switch (origin.state) {
    case "growing":
      return growingMessage(origin, state, conditions);
    case "settled":
      return "it has been quiet: finished, as far as can be known";
    case "absent":
      return "it is gone at its origin; this is the tombstone with the last known size and time, and its copies are kept";
    case "excluded":
      return "a pattern of [scan] exclude leaves it out; its copies are kept";
    case "imported":
      return IMPORTED;
  }
}

/** What the inventory knows of one file at one replica, and of the replica itself. */
interface KnownOfReplica {
  readonly copy: FileReplica | undefined;
  /** Of a copy that was found wrong: what it could be made anew of. */
  readonly wrong: WrongCopy | undefined;
  readonly attempt: Attempt | undefined;
  readonly finding: Finding | undefined;
  /** Why nothing can be had from its origin now. */
  readonly unreachable: ReturnType<typeof unreachableOrigin>;
  /** Why what is at its origin replaces no copy now. */
  readonly waiting: Unseen | undefined;
  /** When the replica as a whole is tried again. */
  readonly replicaNextAt: number | null;
  /** Another replica that has a current copy. */
  readonly elsewhere: Elsewhere | undefined;
  /** When what there is of a growing file is copied. */
  readonly prefixDueAt: number | undefined;
}

type Why = Pick<FileReplicaExplanation, "message" | "help" | "nextTry">;

function explainReplica(
  origin: FileOrigin,
  url: string,
  declared: boolean,
  known: KnownOfReplica,
  conditions: readonly StoredCondition[],
): FileReplicaExplanation {
  const { copy, attempt, finding } = known;
  const wanted = declared && isWanted(origin);
  // Nobody wants a copy any more, but one that is there is to be what it was.
  const isToRepair = declared && !wanted && known.wrong !== undefined;
  const pending = (wanted && copy?.state !== "current") || isToRepair;
  const why: Why = pending
    ? pendingReason(origin, url, known, conditions)
    : keptReason(origin, { declared, copy, wanted, elsewhere: known.elsewhere });
  return {
    url,
    declared,
    state: copy?.state ?? "missing",
    path: `${url.replace(/\/$/, "")}/${placeOf(origin, copy)}`,
    pending,
    ...why,
    digest: copy?.digest === undefined ? null : `${copy.digest.algorithm}:${Buffer.from(copy.digest.bytes).toString("hex")}`,
    copiedAt: copy === undefined ? null : isoTime(copy.copiedAt),
    verifiedAt: copy?.verifiedAt === undefined ? null : isoTime(copy.verifiedAt),
    finding:
      finding === undefined
        ? null
        : { message: finding.message, foundAt: isoTime(finding.foundAt), digest: digestText(finding.found) },
    imported: copy?.imported ?? null,
    createdAt: copy?.createdAt === undefined ? null : isoTime(copy.createdAt),
    keptModified: copy?.kept === undefined ? null : modifiedText(copy.kept),
    attempts:
      attempt === undefined
        ? null
        : {
            count: attempt.attempts,
            first: isoTime(attempt.firstAt),
            last: isoTime(attempt.lastAt),
            next: isoTime(attempt.nextAt),
            reason: attempt.reason,
            message: attempt.message,
          },
  };
}

const isWanted = ({ declared, state }: FileOrigin): boolean => declared && (state === "growing" || state === "settled");

/** Below the replica's root. */
const placeOf = ({ host, path }: FileOrigin, copy: FileReplica | undefined): string =>
  copy?.place === undefined ? replicaPathOf(host, path) : `${copy.place}/${path.slice(path.lastIndexOf("/") + 1)}`;

const digestText = (digest: Uint8Array | null): string | null =>
  digest === null ? null : `sha256:${Buffer.from(digest).toString("hex")}`;

const frozenBy = ({ host, dataDirectory }: FileOrigin, conditions: readonly StoredCondition[]): StoredCondition | undefined =>
  conditions.find(({ subject, reason }) => subject === dataDirectorySubject(host, dataDirectory) && reason === "LossBrake");

/** The first that holds: the replica is not ready; what is there replaces nothing; the file may still grow; the last attempt failed; it waits its turn. */
function pendingReason(
  origin: FileOrigin,
  url: string,
  { copy, wrong, attempt, unreachable, waiting, replicaNextAt, prefixDueAt: dueAt }: KnownOfReplica,
  conditions: readonly StoredCondition[],
): Why {
  const blocked = blockedReplica(url, conditions);
  if (blocked !== undefined) {
    const message = `${blocked.reason} since ${isoTime(blocked.lastTransitionAt)}: ${blocked.message}`;
    const help = isReason(blocked.reason) ? REASONS[blocked.reason] : "";
    return { message, help, nextTry: replicaNextAt === null ? null : isoTime(replicaNextAt) };
  }
  if (wrong !== undefined && !isWanted(origin)) return repairReason(wrong);
  const frozen = frozenBy(origin, conditions);
  if (frozen !== undefined && copy !== undefined)
    return {
      message: `LossBrake: ${frozen.message}; what is in ${origin.dataDirectory} now replaces no copy`,
      help: REASONS.LossBrake.replace("PATH", origin.dataDirectory),
      nextTry: null,
    };
  if (waiting !== undefined && copy !== undefined) return { ...waiting, nextTry: null };
  if (origin.state === "growing")
    return { message: growingReason(copy, attempt), help: "", nextTry: dueAt === undefined ? null : isoTime(dueAt) };
  // A source that has moved on since is right, and the copy is not to be what it was.
  const other = wrong && sameEvidence(origin.evidence, wrong.copy.evidence) ? noOtherSource(wrong) : undefined;
  if (attempt !== undefined && (attempt.reason !== "OriginUnreachable" || unreachable === undefined)) {
    const ofSource = attempt.domain !== "replica" && !isOfTheCopy(attempt.reason) ? other : undefined;
    const told = attemptTold(attempt);
    const host =
      unreachable === undefined ? "" : `; and nothing is tried until its origin can be reached: ${unreachable.message}`;
    return {
      message: `${told.message}${ofSource?.message ?? ""}${host}`,
      help: `${ofSource?.help ?? (wrong ? howTakenBack(wrong.copy) : "")}${told.help}`,
      nextTry: unreachable === undefined ? isoTime(attempt.nextAt) : null,
    };
  }
  // When a running agent knocks again is its own affair: whatever waits for the host is copied as soon as it lets in.
  if (unreachable !== undefined)
    return {
      message: `${unreachable.message}${other?.message ?? ""}`,
      help: `${other?.help ?? ""}${unreachable.help}`,
      nextTry: null,
    };
  return {
    message: "it waits for its turn",
    help: 'an agent that runs copies it by itself; else run "xtelemdb sync"',
    nextTry: null,
  };
}
