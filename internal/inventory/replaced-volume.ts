/**
 * Another volume takes the place of a replica's, which is gone for good, because an operator said so: the order lies in the marker of the new one, and names the former. An order is
 * obeyed once. The rows of the former stay, as those of a replica that is not declared any more.
 */
import type { ResultAsync } from "neverthrow";
import { counter, setCounter } from "./_counter.ts";
import { type DeclaredReplica, declaredReplicas, markerOwner } from "./declare.ts";
import type { Inventory, Session } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";

export interface Successor {
  /** The UUID of its marker. */
  readonly marker: string;
  /** When the operator said so: milliseconds since 1970. */
  readonly orderedAt: number;
}

const orderOf = (marker: string): string => `replacing by ${marker}`;

/** The time of the order by which the volume with this marker became a replica's (milliseconds since 1970); 0 where there was none. An older order is void. */
export const orderedAt = (session: Session, marker: string): number => counter(session, orderOf(marker));

/**
 * The replica to go on with: that of the successor, as it was where it is known from before, else without any copy; or the URL of the declared replica to which the successor
 * belongs, and nothing was changed.
 */
export function replaceVolume(
  inventory: Inventory,
  { id, url, marker }: DeclaredReplica,
  successor: Successor,
): ResultAsync<{ readonly replica: DeclaredReplica } | { readonly owner: string }, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    const owner = markerOwner(session, successor.marker, id);
    if (owner !== undefined) return { owner };
    const former = `volume ${marker}, formerly at ${url}`;
    const isTaken = session.first(kysely.selectFrom("replica").select("id").where("url", "=", former)) !== undefined;
    const formerUrl = isTaken ? `${former} (${id})` : former;
    const declared = { url, declared: 1, reconciled_revision: 0 };
    session.run(kysely.updateTable("replica").set({ url: formerUrl, declared: 0, reconciled_revision: 0 }).where("id", "=", id));
    const known = session.first(kysely.selectFrom("replica").select("id").where("marker", "=", successor.marker));
    if (known === undefined) session.run(kysely.insertInto("replica").values({ ...declared, marker: successor.marker }));
    else session.run(kysely.updateTable("replica").set(declared).where("id", "=", known.id));
    setCounter(session, orderOf(successor.marker), successor.orderedAt);
    const replica = declaredReplicas(session).find((one) => one.url === url);
    if (replica === undefined) throw new Error(`the replica ${url} was declared just now`);
    return { replica };
  });
}
