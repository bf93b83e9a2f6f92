/**
 * The guard against two agents with two inventories at one replica, and against an older state of the right volume: each origin host's claim must be ours, and must count
 * all passes that the inventory knows of, before anything is written for it.
 */
import { createHash } from "node:crypto";
import { err, ok, type Result } from "neverthrow";
import type { ClaimGenerations } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import {
  type Claimant,
  claimName,
  isOwnClaim,
  readClaim,
  temporaryName,
  type Volume,
  type WriterClaim,
  writeClaim,
} from "../volume/mod.ts";
import { TEMPORARY_DIGITS } from "./manifest-place.ts";
import { type ReplicaProblem, replicaProblem, rootFileProblem, rootWriteProblem } from "./root-problem.ts";

/** Whose the claims must be, and of which origin hosts. */
export interface Claims {
  readonly claimant: Claimant;
  readonly hosts: readonly string[];
  /** Hosts that somebody else may look after, whose copies are only read. */
  readonly others?: readonly string[];
  /** How far each claim has come, as the inventory knows it: on a volume where one is behind, something is missing that was there. Left out where that is to be found out. */
  readonly generations?: ClaimGenerations;
}

/** Proves that no other inventory has claimed what is to be written, and that the volume is not behind the inventory. A claim that is missing is nobody's. */
export async function checkClaims(
  volume: Volume,
  { claimant, hosts, generations }: Claims,
): Promise<Result<undefined, ReplicaProblem>> {
  const read = await Promise.all(hosts.map(async (host) => ({ host, claim: await ownClaim(volume, claimant, host) })));
  for (const { host, claim } of read) {
    if (claim.isErr()) return err(claim.error);
    const due = generations?.get(host) ?? 0;
    if (generationOf(claim.value) < due) return err(wentBack(volume, host, claim.value, due));
  }
  return ok(undefined);
}

const generationOf = (claim: WriterClaim | undefined): number => claim?.generation ?? 0;

function wentBack(volume: Volume, host: string, claim: WriterClaim | undefined, due: number): ReplicaProblem {
  const path = printable(`${volume.name}/${claimName(host)}`);
  const says = claim === undefined ? `there is no ${path}` : `${path} counts ${generationOf(claim)}`;
  return replicaProblem(
    "ReplicaWentBack",
    `${printable(volume.name)} is an older state of itself: the copies of ${host} were brought up to date there ${due} times, but ${says}`,
  );
}

/** Of hosts whose files this agent does not look after, those that another inventory has claimed: their copies are not ours to judge. */
export async function claimedByOthers(
  volume: Volume,
  claimant: Claimant,
  hosts: readonly string[],
): Promise<Result<ReadonlySet<string>, ReplicaProblem>> {
  const theirs = new Set<string>();
  for (const host of hosts) {
    const claim = await ownClaim(volume, claimant, host);
    if (claim.isOk()) continue;
    if (claim.error.reason !== "WrittenByAnotherInventory") return err(claim.error);
    theirs.add(host);
  }
  return ok(theirs);
}

/** Claims what nobody has claimed, and what the same inventory claimed from another place. */
export async function makeClaims(
  volume: Volume,
  { claimant, hosts }: Claims,
  since: string,
): Promise<Result<undefined, ReplicaProblem>> {
  for (const host of hosts) {
    const found = await ownClaim(volume, claimant, host);
    if (found.isErr()) return err(found.error);
    if (found.value !== undefined && isSame(found.value, claimant)) continue;
    const counted = found.value?.generation === undefined ? {} : { generation: found.value.generation };
    const claim: WriterClaim = { format: 1, ...claimant, since, ...counted };
    const how = found.value === undefined ? "new" : "replace";
    const written = await writeClaim(volume, host, claim, { hex: hexOf(host, claimant), at: since, how });
    if (written.isOk()) continue;
    const lost = written.error.kind === "volume" && written.error.reason === "exists";
    // Somebody was faster: is it anybody else?
    const theirs = lost ? await ownClaim(volume, claimant, host) : err(rootWriteProblem(volume.name, written.error));
    if (theirs.isErr()) return err(theirs.error);
  }
  return ok(undefined);
}

/**
 * Counts one pass more in each claim, durably: above what is there and what the inventory knows. `now`: ISO 8601, UTC. What the claims have come to, without those that may not be written,
 * as where the root belongs to somebody else: there an older state of the volume is not noticed.
 */
export async function raiseClaims(
  volume: Volume,
  { claimant, hosts, generations }: Claims,
  now: string,
): Promise<Result<ClaimGenerations, ReplicaProblem>> {
  const raised = new Map<string, number>();
  for (const host of hosts) {
    const found = await ownClaim(volume, claimant, host);
    if (found.isErr()) return err(found.error);
    const known = Math.max(generationOf(found.value), generations?.get(host) ?? 0);
    const generation = Math.min(known + 1, Number.MAX_SAFE_INTEGER);
    const claim: WriterClaim = { format: 1, ...claimant, since: found.value?.since ?? now, generation };
    const written = await writeClaim(volume, host, claim, { hex: hexOf(host, claimant), at: now, how: "replace" });
    if (written.isOk()) raised.set(host, generation);
    else if (written.error.kind !== "volume" || written.error.reason !== "denied") {
      return err(rootWriteProblem(volume.name, written.error));
    }
  }
  return ok(raised);
}

/** Removes what a run that was cut off has left of the claims of these hosts. */
export async function removeUnwrittenClaims(volume: Volume, { claimant, hosts }: Claims): Promise<void> {
  const root = await volume.openDirectory("");
  if (root.isErr()) return;
  // What is not there, nearly always, or cannot be removed is taken away when that claim is written next.
  for (const host of hosts) await root.value.removeTemporary(temporaryName(hexOf(host, claimant)));
  root.value.close();
}

/** Names the temporary file of a claim: always the same, so that the next run takes away what a run that was cut off has left. Nobody else gives that name. */
const hexOf = (host: string, { inventory }: Claimant): string =>
  createHash("sha256").update(`${host}\n${inventory}`).digest("hex").slice(0, TEMPORARY_DIGITS);

const isSame = (claim: WriterClaim, { inventory, machine, hostname, database }: Claimant): boolean =>
  claim.inventory === inventory && claim.machine === machine && claim.hostname === hostname && claim.database === database;

async function ownClaim(
  volume: Volume,
  claimant: Claimant,
  host: string,
): Promise<Result<WriterClaim | undefined, ReplicaProblem>> {
  const found = await readClaim(volume, host);
  if (found.isErr()) {
    const { error } = found;
    if (error.kind === "volume") return err(rootFileProblem(volume.name, error));
    return err(replicaProblem("MarkerUnreadable", `${printable(error.path)} does not say who writes here: ${error.detail}`));
  }
  const claim = found.value;
  if (claim === undefined || isOwnClaim(claim, claimant)) return ok(claim);
  const { database, hostname, since } = claim;
  const path = printable(`${volume.name}/${claimName(host)}`);
  return err(
    replicaProblem(
      "WrittenByAnotherInventory",
      `the copies of ${host} at ${printable(volume.name)} belong to the inventory ${printable(database)} on ${printable(hostname)}, since ${printable(since)} (${path})`,
    ),
  );
}
