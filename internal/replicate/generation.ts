/**
 * The guard against an older state of the right volume: a clone that was made earlier, a snapshot that was rolled back. It carries the right marker, and a generation that is behind
 * the one that the inventory knows, or equal to it by another's doing.
 */
import { err, ok, type Result } from "neverthrow";
import type { Generation } from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import {
  generationName,
  type IsGivenUp,
  readGeneration,
  temporaryName,
  type Volume,
  type VolumeAddress,
  type VolumeError,
  writeGeneration,
} from "../volume/mod.ts";
import { TEMPORARY_DIGITS } from "./manifest-place.ts";
import { openReplica } from "./replica-check.ts";
import { type ReplicaProblem, replicaProblem, rootFileProblem, rootWriteProblem } from "./root-problem.ts";
import type { Claims } from "./writer-claims.ts";

/** Proves that the volume is not behind what the inventory knows of it. Where nothing is known, nothing is asked. */
export async function checkGeneration(volume: Volume, claims: Claims): Promise<Result<undefined, ReplicaProblem>> {
  const { generation: known, claimant } = claims;
  if (known === undefined) return ok(undefined);
  const found = await generationOf(volume, claimant.inventory);
  if (found.isErr()) return err(found.error);
  const there = found.value;
  if (there !== undefined && isNotBehind(there, known)) return ok(undefined);
  const path = printable(`${volume.name}/${generationName(claimant.inventory)}`);
  const what =
    there === undefined
      ? `${path} is missing, or not to be understood`
      : there.number === known.number
        ? `${path} is not the one that was written last`
        : `${path} says ${there.number}, and ${known.number} was written there`;
  return err(replicaProblem("ReplicaWentBack", `${printable(volume.name)} is an older state of itself, or a clone: ${what}`));
}

/** What nobody can understand proves nothing. */
async function generationOf(volume: Volume, inventory: string): Promise<Result<Generation | undefined, ReplicaProblem>> {
  const found = await readGeneration(volume, inventory);
  if (found.isOk()) return ok(found.value);
  return found.error.kind === "root-file-unreadable" ? ok(undefined) : err(rootFileProblem(volume.name, found.error));
}

const isNotBehind = (there: Generation, known: Generation): boolean =>
  there.number > known.number || (there.number === known.number && there.token === known.token);

export interface RaiseRequest {
  readonly address: VolumeAddress;
  readonly marker: string;
  readonly claims: Claims;
  /** Of the new generation. */
  readonly token: string;
  /** ISO 8601, UTC. */
  readonly now: string;
  /** The operator says that the volume is the replica from now on, although it is behind: it gets exactly this generation, which is recorded already. */
  readonly accept?: Generation;
}

/** The generation that the volume has now; or why none can be kept there, which leaves older states of it unnoticed and is no problem otherwise. `forNow`: it is to be tried again. */
export type Raised = { readonly generation: Generation } | { readonly notKept: string; readonly forNow: boolean };

/** Raises the volume's generation, durably, above what is there and what the inventory knows. */
export async function raiseGeneration(request: RaiseRequest, isGivenUp: IsGivenUp): Promise<Result<Raised, ReplicaProblem>> {
  const { address, marker, claims, accept } = request;
  const { generation: known, ...others } = claims;
  const opened = await openReplica(address, marker, accept === undefined ? claims : others);
  if (opened.isErr()) return err(opened.error);
  const raised = await raise(opened.value, request, known, isGivenUp);
  opened.value.close();
  return raised;
}

async function raise(
  volume: Volume,
  { claims, token, now, accept }: RaiseRequest,
  known: Generation | undefined,
  isGivenUp: IsGivenUp,
): Promise<Result<Raised, ReplicaProblem>> {
  const { inventory } = claims.claimant;
  const found = await generationOf(volume, inventory);
  if (found.isErr()) return err(found.error);
  const number = Math.min(Math.max(found.value?.number ?? 0, known?.number ?? 0) + 1, Number.MAX_SAFE_INTEGER);
  const generation = accept ?? { number, token };
  const stated = { format: 1 as const, ...generation, at: now };
  const written = await writeGeneration(volume, inventory, stated, hexOf(inventory), isGivenUp);
  if (written.isOk()) return ok({ generation });
  const { error } = written;
  const notKept = error.kind === "volume" ? NOT_KEPT[error.reason] : undefined;
  if (notKept !== undefined) return ok({ notKept, forNow: notKept === NO_SPACE });
  return err(rootWriteProblem(volume.name, error));
}

const NO_SPACE = "it has no space left";
const NOT_KEPT: { readonly [Reason in VolumeError["reason"]]?: string } = {
  denied: "its root may not be written to",
  unsupported: "it cannot replace a file at once",
  "no-space": NO_SPACE,
};

/** Removes what a run that was cut off has left of it. */
export async function removeUnwrittenGeneration(volume: Volume, { claimant }: Claims): Promise<void> {
  const root = await volume.openDirectory("");
  if (root.isErr()) return;
  // What is not there, nearly always, or cannot be removed is taken away when it is written next.
  await root.value.removeTemporary(temporaryName(hexOf(claimant.inventory)));
  root.value.close();
}

/** Names the temporary file: always the same, so that the next run takes away what a run that was cut off has left. Nobody else gives that name. */
const hexOf = (inventory: string): string =>
  new Bun.CryptoHasher("sha256").update(`generation\n${inventory}`).digest("hex").slice(0, TEMPORARY_DIGITS);
