/** `verify`: looks at the copies of replicas, or reads them back, once; and lists what stands there that nobody knows. */
import { err, ok, okAsync, type Result, ResultAsync } from "neverthrow";
import type { DesiredState, Replica } from "../config/mod.ts";
import {
  asRecorded,
  copiesAt,
  type DeclaredReplica,
  findingsOf,
  isRecorded,
  knownHosts,
  type ReplicaId,
  readConditions,
  readRound,
  readTallies,
  setConditions,
  type VerifyScope,
} from "../inventory/mod.ts";
import type { DarkResult, ReplicaProblem, VerifyLevel } from "../replicate/mod.ts";
import { type Agent, type AgentOptions, claimsToRead, expectReply, isoTime, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { REASONS } from "./condition.ts";
import { publishStatus } from "./reconcile.ts";
import { checkReplicaOf } from "./replica-pass.ts";
import { replicaSubject } from "./status.ts";
import { endVerify, takeVolume } from "./take-volume.ts";
import { verificationOf, verifiedCondition } from "./verification.ts";
import { VerifyPass, type VerifyPassResult } from "./verify-pass.ts";
import type { ReplicaVerifySummary, VerifySummary } from "./verify-report.ts";
import { addressOf } from "./volume-address.ts";

export interface VerifyOptions extends AgentOptions {
  readonly level: VerifyLevel;
  /** Of one replica; left out: of all. */
  readonly replica?: string;
  readonly scope: VerifyScope;
  /** Bytes a second at each replica; left out: as the configuration says. 0: no limit. */
  readonly bandwidthBytes?: number;
  /** The operator has looked: what is gone is gone. */
  readonly acceptLoss: boolean;
  /** Leave the round under way, and begin another. */
  readonly anew: boolean;
}

/** How many findings of a replica are named. */
const NAMED_FINDINGS = 1_000;

export function verify(state: DesiredState, options: VerifyOptions): ResultAsync<VerifySummary, AgentError> {
  return withAgent(state, options, (agent) => new ResultAsync(run(agent, options)));
}

async function run(agent: Agent, given: VerifyOptions): Promise<Result<VerifySummary, AgentError>> {
  const scope = scopeAsked(agent, given.scope);
  if (scope.isErr()) return err(scope.error);
  const options = { ...given, scope: scope.value };
  const begun = agent.elapsed();
  const wanted = agent.state.replicas.filter(({ id }) => options.replica === undefined || id === options.replica);
  const published = await publishStatus(agent, "verifying");
  if (published.isErr()) return err(published.error);
  const done = await ResultAsync.combine(
    wanted.flatMap((replica) => {
      const row = agent.declared.replicas.find(({ url }) => url === replica.id);
      return row === undefined ? [] : [new ResultAsync(verifyReplica(agent, options, replica, row))];
    }),
  ).andThen((replicas) => publishStatus(agent, undefined).map(() => replicas));
  return done.map((replicas) => {
    const { aborted } = agent.options.signal;
    const incomplete = replicas.some(({ complete, unread }) => !complete || unread.files > 0);
    const outcome = aborted
      ? "stopped"
      : replicas.some(({ standing }) => standing > 0)
        ? "findings"
        : incomplete
          ? "incomplete"
          : "good";
    return { outcome, level: options.level, replicas, durationMilliseconds: agent.elapsed() - begun };
  });
}

/** With its path as it is recorded. Nothing is wrong with what does not exist: to say so of a slip of the pen would be taken for a proof. */
function scopeAsked(agent: Agent, scope: VerifyScope): Result<VerifyScope, AgentError> {
  const { host } = scope;
  return agent.inventory
    .readNow((session): Result<VerifyScope, AgentError> => {
      const hosts = knownHosts(session).filter((known) => host === undefined || known === host);
      const path = scope.path && asRecorded(session, hosts, scope.path);
      const isKnown =
        path === undefined ? host === undefined || hosts.length > 0 : hosts.some((one) => isRecorded(session, one, path));
      const place = { ...(host === undefined ? {} : { host }), ...(path === undefined ? {} : { path }) };
      return isKnown ? ok({ ...scope, ...place }) : err({ kind: "nothing-recorded", ...place });
    })
    .andThen((asked) => asked);
}

async function verifyReplica(
  agent: Agent,
  options: VerifyOptions,
  replica: Replica,
  row: DeclaredReplica,
): Promise<Result<ReplicaVerifySummary, AgentError>> {
  const checked = await checkReplicaOf(agent, replica, row, false);
  if (checked.isErr()) return err(checked.error);
  const { found, row: ours } = checked.value;
  const whole = options.scope.host === undefined && options.scope.path === undefined;
  const wentBack = found.kind !== "ready" && found.reason === "ReplicaWentBack";
  const refused = wentBack || (found.kind !== "ready" && found.reason === "TakingUnfinished");
  // Only what has been read, all of it, tells what is on another state of the volume.
  const taken = refused && options.acceptLoss && whole && options.level === "content" && options.replica !== undefined;
  // What is mounted read-only can be read.
  const readable = found.kind !== "ready" && (taken || found.reason === "ReadOnly");
  const marker = found.kind === "ready" ? ours.marker : readable ? row.marker : null;
  if (marker === null) {
    const half = refused && options.acceptLoss ? `; ${HALF_ACCEPTED}` : "";
    const problem: Problem = found.kind === "ready" ? NOT_YET : { ...found, message: `${found.message}${half}` };
    return summaryOf(agent, options, replica, ours.id, undefined, undefined, problem);
  }
  const bandwidthBytes = options.bandwidthBytes ?? agent.state.verify.bandwidthBytes;
  const limit = bandwidthBytes > 0 ? { limit: { shared: new SharedArrayBuffer(8), bytesPerSecond: bandwidthBytes } } : {};
  const rotating = found.kind !== "ready" || found.state.rotating;
  const parallel = replica.workers || (replica.target.kind === "ssh" || rotating ? 1 : agent.processors);
  const total = agent.inventory.readNow((session) => copiesAt(readTallies(session), ours.id));
  if (total.isErr()) return err(total.error);
  const target = { replica, row: ours, marker, wholly: taken, ...limit };
  if (taken && wentBack) {
    const begun = await takeVolume(agent, target);
    if (begun.isErr()) return err(begun.error);
    if (begun.value !== undefined) return summaryOf(agent, options, replica, ours.id, undefined, undefined, begun.value);
  }
  const pass = await new VerifyPass(agent, target, {
    level: options.level,
    scope: options.scope,
    anew: options.anew,
    parallel,
    maxLoss: options.acceptLoss ? 1 : agent.state.scan.maxLoss,
    total: whole ? total.value : undefined,
  }).run();
  if (pass.isErr()) return err(pass.error);
  const { complete, totals } = pass.value;
  const ended = await endVerify(agent, target, complete, found.kind === "ready");
  if (ended.isErr()) return err(ended.error);
  const notRead = totals.unread.example === "" ? "" : `: ${totals.unread.example}`;
  const unfinished = { reason: "TakingUnfinished" as const, message: `not every copy was read${notRead}` };
  const problem = pass.value.problem ?? (taken && !complete ? unfinished : undefined);
  const dark = complete ? await findDark(agent, options, replica, ours.id, marker) : ok(undefined);
  if (dark.isErr()) return err(dark.error);
  return summaryOf(agent, options, replica, ours.id, pass.value, dark.value, problem);
}

const HALF_ACCEPTED =
  "it is taken for the replica only by its prefix, and when every byte is read: without path, origin_host and level";

type Problem = Pick<ReplicaProblem, "message"> & { readonly reason: ReplicaProblem["reason"] | "NotLookedAtYet" };

const NOT_YET: Problem = { reason: "NotLookedAtYet", message: "nothing was copied there yet" };

/** What nobody knows; undefined when that was stopped, or hung. */
async function findDark(
  agent: Agent,
  { scope }: VerifyOptions,
  replica: Replica,
  id: ReplicaId,
  marker: string,
): Promise<Result<DarkResult | undefined, AgentError>> {
  const hosts = agent.inventory.readNow((session) => knownHosts(session));
  if (hosts.isErr()) return err(hosts.error);
  const chosen = hosts.value.filter((host) => scope.host === undefined || host === scope.host);
  const known = claimsToRead(agent, id, chosen);
  if (known.isErr()) return err(known.error);
  const claims = known.value;
  const path = scope.path === undefined ? {} : { path: scope.path };
  const request = { id, address: addressOf(agent.state, replica), marker, claims, hosts: chosen, ...path };
  const reply = await agent.hands.run({ kind: "find-dark", request });
  if (reply.kind === "stalled") return ok(undefined);
  return (await expectReply(reply, "find-dark")).map(({ result }) => result);
}

/** Adds up one replica, and brings its conditions up to date. */
async function summaryOf(
  agent: Agent,
  { scope }: VerifyOptions,
  replica: Replica,
  id: ReplicaId,
  pass: VerifyPassResult | undefined,
  dark: DarkResult | undefined,
  problem: Problem | undefined,
): Promise<Result<ReplicaVerifySummary, AgentError>> {
  const { inventory, state, now } = agent;
  const read = inventory.readNow((session) => ({
    findings: findingsOf(session, id, scope, NAMED_FINDINGS),
    round: readRound(session, id),
    status: verificationOf(session, state, id, readTallies(session), now()),
    conditions: readConditions(session).filter(({ subject }) => subject === replicaSubject(replica.id)),
  }));
  if (read.isErr()) return err(read.error);
  const { findings, round, status, conditions } = read.value;
  const condition = verifiedCondition(status, now(), pass?.frozen);
  const others = conditions.filter(({ type }) => type !== "Verified");
  const observed = condition === undefined ? [] : [{ ...condition, observedGeneration: agent.declared.generation }];
  const saved = await (others.length === 0
    ? okAsync<void, AgentError>(undefined)
    : setConditions(inventory, replicaSubject(replica.id), [...others, ...observed], now()).mapErr((error): AgentError => error));
  if (saved.isErr()) return err(saved.error);
  const why = pass?.frozen === undefined ? problem : { reason: "TooMuchLost" as const, message: pass.frozen };
  const totals = pass?.totals;
  return ok({
    url: replica.id,
    complete: pass?.complete === true && (dark === undefined || dark.problem === undefined),
    problem: why === undefined ? null : { reason: why.reason, message: why.message, help: REASONS[why.reason] },
    looked: totals?.looked ?? { files: 0, bytes: 0 },
    read: totals?.read ?? { files: 0, bytes: 0 },
    found: totals?.found ?? { suspect: 0, corrupt: 0, lost: 0 },
    firstDigests: totals?.firstDigests ?? 0,
    timesMoved: totals?.timesMoved ?? 0,
    unsteady: totals?.unsteady ?? 0,
    takenBack: totals?.takenBack ?? 0,
    unread: totals?.unread ?? { files: 0, example: "" },
    standing: findings.files,
    findings: findings.first.map(({ host, path, state: is, foundAt, expected, found, message }) => ({
      host,
      path,
      state: is,
      foundAt: isoTime(foundAt),
      expected: hexOr(expected),
      found: hexOr(found),
      message,
    })),
    dark:
      dark === undefined || dark.problem !== undefined
        ? null
        : {
            files: dark.files,
            bytes: dark.bytes,
            examples: dark.examples,
            unlisted: dark.unlisted,
            unlistedExample: dark.unlistedExample,
          },
    round: {
      begunAt: round.begunAt === null ? null : isoTime(round.begunAt),
      files: round.files,
      bytes: round.bytes,
      wholeSince: round.wholeSince === null ? null : isoTime(round.wholeSince),
    },
  });
}

const hexOr = (digest: Uint8Array | null): string | null =>
  digest === null ? null : `sha256:${Buffer.from(digest).toString("hex")}`;
