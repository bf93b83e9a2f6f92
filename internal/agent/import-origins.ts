/** `import_origins`: makes what replicas have already known, once, because somebody asks. */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { DesiredState, Replica } from "../config/mod.ts";
import { type DeclaredReplica, undigestedCopies } from "../inventory/mod.ts";
import type { ReplicaProblem } from "../replicate/mod.ts";
import { type Agent, type AgentOptions, withAgent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { REASONS } from "./condition.ts";
import { importAndTell, parallelOf } from "./import-first-sight.ts";
import type { ImportSummary, ReplicaImportSummary } from "./import-report.ts";
import { publishStatus } from "./reconcile.ts";
import { checkReplicaOf } from "./replica-pass.ts";
import { VerifyPass } from "./verify-pass.ts";

export interface ImportOptions extends AgentOptions {
  /** Of one replica; left out: of all. */
  readonly replica?: string;
  /** Compute the digests of copies that have none. */
  readonly hash: boolean;
  /** Record nothing, write nothing to the replica. */
  readonly dryRun: boolean;
}

export function importOrigins(state: DesiredState, options: ImportOptions): ResultAsync<ImportSummary, AgentError> {
  return withAgent(state, options, (agent) => new ResultAsync(run(agent, options)));
}

async function run(agent: Agent, options: ImportOptions): Promise<Result<ImportSummary, AgentError>> {
  const begun = agent.elapsed();
  const published = await publishStatus(agent, "importing");
  if (published.isErr()) return err(published.error);
  const all = () => importAll(agent, options);
  // What is imported first decides what the rest is, of the same backup and of the next: only the rows themselves tell.
  const imported = options.dryRun ? (await agent.inventory.onTrial(all)).andThen((done) => done) : await all();
  if (imported.isErr()) return err(imported.error);
  const ended = await publishStatus(agent, undefined);
  if (ended.isErr()) return err(ended.error);
  const { dryRun } = options;
  const replicas = imported.value;
  const outcome = agent.options.signal.aborted ? "stopped" : outcomeOf(replicas);
  return ok({ outcome, dryRun, replicas, durationMilliseconds: agent.elapsed() - begun });
}

async function importAll(agent: Agent, options: ImportOptions): Promise<Result<readonly ReplicaImportSummary[], AgentError>> {
  const replicas: ReplicaImportSummary[] = [];
  for (const replica of agent.state.replicas) {
    const row = agent.declared.replicas.find(({ url }) => url === replica.id);
    if (row === undefined || (options.replica !== undefined && options.replica !== replica.id)) continue;
    const done = await importReplica(agent, options, replica, row);
    if (done.isErr()) return err(done.error);
    replicas.push(done.value);
  }
  return ok(replicas);
}

function outcomeOf(replicas: readonly ReplicaImportSummary[]): ImportSummary["outcome"] {
  const isWhole = ({ complete, hashed, folders }: ReplicaImportSummary): boolean =>
    complete && hashed?.complete !== false && folders.every((one) => one.outcome !== "refused");
  if (!replicas.every(isWhole)) return "incomplete";
  return replicas.some(({ conflicts, hashed }) => conflicts > 0 || (hashed?.findings ?? 0) > 0) ? "conflicts" : "complete";
}

async function importReplica(
  agent: Agent,
  { dryRun, hash }: ImportOptions,
  replica: Replica,
  row: DeclaredReplica,
): Promise<Result<ReplicaImportSummary, AgentError>> {
  const checked = await checkReplicaOf(agent, replica, row, !dryRun);
  if (checked.isErr()) return err(checked.error);
  const { found, row: ours } = checked.value;
  // What is mounted read-only can be read.
  if (found.kind !== "ready" && found.reason !== "ReadOnly") return ok(notReady(replica, found));
  const parallel = parallelOf(agent, checked.value);
  const marker = found.kind === "ready" && found.marker !== "" ? found.marker : ours.marker;
  const imported = await importAndTell(agent, { replica, row: ours, marker, parallel, dryRun });
  if (imported.isErr()) return err(imported.error);
  const { summary } = imported.value;
  if (!hash || dryRun || marker === null || !summary.complete) return ok(summary);
  const total = agent.inventory.readNow((session) => undigestedCopies(session, ours.id));
  if (total.isErr()) return err(total.error);
  const { bandwidthBytes } = agent.state.verify;
  const limit = bandwidthBytes > 0 ? { limit: { shared: new SharedArrayBuffer(8), bytesPerSecond: bandwidthBytes } } : {};
  const scope = { undigested: true } as const;
  const settings = { level: "content", scope, anew: false, parallel, maxLoss: agent.state.scan.maxLoss } as const;
  const pass = await new VerifyPass(agent, { replica, row: ours, marker, ...limit }, { ...settings, total: total.value }).run();
  return pass.map(({ totals, complete }) => {
    const { suspect, corrupt, lost } = totals.findings;
    const findings = suspect + corrupt + lost + totals.unread.files;
    return { ...summary, hashed: { ...totals.read, complete, findings } };
  });
}

const notReady = ({ id }: Replica, { reason, message }: ReplicaProblem): ReplicaImportSummary => ({
  url: id,
  complete: false,
  wentOn: false,
  problem: { reason, message, help: REASONS[reason] },
  folders: [],
  conflicts: 0,
  firstConflicts: [],
  skipped: [],
  hashed: null,
});
