/**
 * Who writes to a replica: for each origin host one small file at its root names the inventory that keeps the rows of that host's copies there. Two agents with
 * two inventories would each take the other's copies for somebody else's files; the second finds the claim of the first, and leaves the replica alone.
 *
 * A claim lasts until a person removes it. Nothing renews it, so that an idle agent writes nothing, and no clock decides whether somebody is alive.
 */
import type { Result } from "neverthrow";
import { z } from "zod";
import { parseRootFile, type RootFileError, type RootFileUnreadable, readRootFile, writeRootFile } from "./_root-file.ts";
import type { IsGivenUp } from "./publish-own.ts";
import type { Volume } from "./volume.ts";

/** Where the claim of a host lies. A host's name is a single path component. */
export const claimName = (host: string): string => `.xtelemdb-writer-${host}.json`;

const claimSchema = z.object({
  format: z.literal(1),
  /** The inventory's own UUID. */
  inventory: z.string(),
  /** Where that inventory lies: machine-id(5), "" where there is none; the machine's name; the path. */
  machine: z.string(),
  hostname: z.string(),
  database: z.string(),
  /** ISO 8601, UTC. */
  since: z.string(),
});

export type WriterClaim = z.infer<typeof claimSchema>;

/** Who claims: a `WriterClaim` without its moment. */
export type Claimant = Omit<WriterClaim, "format" | "since">;

/**
 * Is the claim the claimant's own? By the inventory's UUID, unless that is on two machines (a copy of the database); or by the place: only one agent can have a
 * database open, so another UUID there means that the former one is lost.
 */
export function isOwnClaim(claim: WriterClaim, claimant: Claimant): boolean {
  if (claim.inventory === claimant.inventory)
    return claim.machine === claimant.machine || claim.machine === "" || claimant.machine === "";
  return claim.machine === claimant.machine && claim.hostname === claimant.hostname && claim.database === claimant.database;
}

/** The claim of a host at the volume's root; undefined when it is proven that there is none. */
export const readClaim = (volume: Volume, host: string): Promise<Result<WriterClaim | undefined, RootFileError>> =>
  readRootFile(volume, claimName(host), claimSchema);

/** Reads the text of a claim. */
export const parseClaim = (path: string, text: string): Result<WriterClaim, RootFileUnreadable> =>
  parseRootFile(path, text, claimSchema);

/** Writes the claim of a host, durably. "new": `exists` when there is one by now; "renew": the caller answers for it being its own. `hex` names the temporary file. */
export const writeClaim = (
  volume: Volume,
  host: string,
  claim: WriterClaim,
  hex: string,
  how: "new" | "renew",
  isGivenUp: IsGivenUp = () => false,
): Promise<Result<undefined, RootFileError>> =>
  writeRootFile(volume, claimName(host), claim, { hex, at: claim.since, how, isGivenUp });
