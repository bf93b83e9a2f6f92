/** The guard against two agents with two inventories at one replica: each origin host's claim must be ours before anything is written for it. */
import { err, ok, type Result } from "neverthrow";
import type { Generation } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import {
  type Claimant,
  claimName,
  type IsGivenUp,
  isOwnClaim,
  readClaim,
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
  /** The state of the volume that the inventory knows: an older one is refused. Left out before the first, and where the operator accepts an older one. */
  readonly generation?: Generation;
}

/** Proves that no other inventory has claimed what is to be written. A claim that is missing is nobody's. */
export async function checkClaims(volume: Volume, { claimant, hosts }: Claims): Promise<Result<undefined, ReplicaProblem>> {
  const read = await Promise.all(hosts.map((host) => ownClaim(volume, claimant, host)));
  for (const one of read) if (one.isErr()) return err(one.error);
  return ok(undefined);
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

/** Claims what nobody has claimed, what the same inventory claimed from another place, and what one that was lost claimed from this one: since when that had it. */
export async function makeClaims(
  volume: Volume,
  { claimant, hosts }: Claims,
  since: string,
  isGivenUp: IsGivenUp,
): Promise<Result<string | undefined, ReplicaProblem>> {
  let former: string | undefined;
  for (const host of hosts) {
    const found = await ownClaim(volume, claimant, host);
    if (found.isErr()) return err(found.error);
    if (found.value !== undefined && isSame(found.value, claimant)) continue;
    if (found.value !== undefined && found.value.inventory !== claimant.inventory) former ??= found.value.since;
    const claim: WriterClaim = { format: 1, ...claimant, since };
    const how = found.value === undefined ? "new" : "renew";
    const written = await writeClaim(volume, host, claim, hexOf(host, claimant), how, isGivenUp);
    if (written.isOk()) continue;
    const lost = written.error.kind === "volume" && written.error.reason === "exists";
    // Somebody was faster: is it anybody else?
    const theirs = lost ? await ownClaim(volume, claimant, host) : err(rootWriteProblem(volume.name, written.error));
    if (theirs.isErr()) return err(theirs.error);
  }
  return ok(former);
}

/** Names the temporary file of a claim: always the same, so that the next run takes away what a run that was cut off has left. Nobody else gives that name. */
const hexOf = (host: string, { inventory }: Claimant): string =>
  new Bun.CryptoHasher("sha256").update(`${host}\n${inventory}`).digest("hex").slice(0, TEMPORARY_DIGITS);

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
