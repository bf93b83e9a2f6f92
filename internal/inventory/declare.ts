/**
 * Writes down what the configuration declares: hosts, data directories, replicas, and the generation of the desired state. What is no longer
 * declared keeps all of its rows and is only marked so.
 */
import type { ResultAsync } from "neverthrow";
import { counter, setCounter } from "./_counter.ts";
import type { Inventory, Session, Transaction } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";
import type { DataDirectoryId, HostId, ReplicaId } from "./model.ts";

export interface Declaration {
  /** A digest of the desired state: another digest is another generation. */
  readonly hash: string;
  readonly hosts: readonly { readonly name: string; readonly dataDirectories: readonly string[] }[];
  readonly replicas: readonly string[];
}

export interface DeclaredDataDirectory {
  readonly id: DataDirectoryId;
  readonly host: HostId;
  readonly hostName: string;
  readonly path: string;
}

export interface DeclaredReplica {
  readonly id: ReplicaId;
  readonly url: string;
  readonly marker: string | null;
  readonly reconciledRevision: number;
}

export interface Declared {
  readonly generation: number;
  readonly dataDirectories: readonly DeclaredDataDirectory[];
  readonly replicas: readonly DeclaredReplica[];
}

/** The first 48 bits of a hexadecimal digest: enough to tell two configurations apart, and a whole number in every database. */
const shortHash = (hash: string): number => Number.parseInt(hash.slice(0, 12), 16);

/** The generation of the desired state that this inventory last saw; 0 before the first. */
export const generationOf = (session: Session): number => counter(session, "generation");

/**
 * Makes the inventory's declarations those of the configuration. A new generation also resets every replica's reconciled revision, so that the next
 * diff looks at every file: a data directory may have come back.
 */
export function declare(inventory: Inventory, declaration: Declaration): ResultAsync<Declared, InventoryError> {
  return inventory.write((transaction) => {
    const { session } = transaction;
    const hash = shortHash(declaration.hash);
    const generation = generationOf(session);
    const changed = generation === 0 || counter(session, "configuration") !== hash;
    if (changed) {
      setCounter(session, "generation", generation + 1);
      setCounter(session, "configuration", hash);
      declareHosts(transaction, declaration);
      declareReplicas(transaction, declaration);
    }
    return {
      generation: changed ? generation + 1 : generation,
      dataDirectories: declaredDataDirectories(session),
      replicas: declaredReplicas(session),
    };
  });
}

function declareHosts({ session }: Transaction, declaration: Declaration): void {
  const { kysely } = session;
  session.run(kysely.updateTable("host").set({ declared: 0 }));
  session.run(kysely.updateTable("data_directory").set({ declared: 0 }));
  for (const host of declaration.hosts) {
    session.run(
      kysely
        .insertInto("host")
        .values({ name: host.name, declared: 1 })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ declared: 1 })),
    );
    const row = session.first(kysely.selectFrom("host").select("id").where("name", "=", host.name));
    if (row === undefined) continue;
    for (const path of host.dataDirectories) {
      session.run(
        kysely
          .insertInto("data_directory")
          .values({ host_id: row.id, path, declared: 1, scanned_at: null, scan_report: null, frozen_at: null })
          .onConflict((conflict) => conflict.columns(["host_id", "path"]).doUpdateSet({ declared: 1 })),
      );
    }
  }
}

function declareReplicas({ session }: Transaction, declaration: Declaration): void {
  const { kysely } = session;
  session.run(kysely.updateTable("replica").set({ declared: 0, reconciled_revision: 0 }));
  for (const url of declaration.replicas) {
    session.run(
      kysely
        .insertInto("replica")
        .values({ url, declared: 1, marker: null, reconciled_revision: 0 })
        .onConflict((conflict) => conflict.column("url").doUpdateSet({ declared: 1 })),
    );
  }
}

/** Declared data directories of declared hosts, by host name and path. */
export function declaredDataDirectories(session: Session): DeclaredDataDirectory[] {
  return session.all(
    session.kysely
      .selectFrom("data_directory as d")
      .innerJoin("host as h", "h.id", "d.host_id")
      .select(["d.id", "d.host_id as host", "h.name as hostName", "d.path"])
      .where("d.declared", "=", 1)
      .where("h.declared", "=", 1)
      .orderBy("h.name")
      .orderBy("d.path"),
  );
}

/** Declared replicas, by URL. */
export function declaredReplicas(session: Session): DeclaredReplica[] {
  return session.all(
    session.kysely
      .selectFrom("replica")
      .select(["id", "url", "marker", "reconciled_revision as reconciledRevision"])
      .where("declared", "=", 1)
      .orderBy("url"),
  );
}

/** Remembers the UUID of the marker at a replica's root. */
export function setMarker(inventory: Inventory, replica: ReplicaId, marker: string): ResultAsync<void, InventoryError> {
  return inventory.write(({ session }) => {
    session.run(session.kysely.updateTable("replica").set({ marker }).where("id", "=", replica));
  });
}

/** The marker of a replica, declared or not; null where it was never seen. */
export function knownMarker(session: Session, url: string): string | null {
  return session.first(session.kysely.selectFrom("replica").select("marker").where("url", "=", url))?.marker ?? null;
}

/** The markers of all replicas that were ever seen, with the URL that each was seen at last. */
export function knownMarkers(session: Session): { readonly marker: string; readonly url: string }[] {
  const rows = session.all(session.kysely.selectFrom("replica").select(["marker", "url"]));
  return rows.flatMap(({ marker, url }) => (marker === null ? [] : [{ marker, url }]));
}

/** The URLs of all replicas that have this marker, declared or not: two declarations of one disk, one that was moved, or a cloned disk. */
export function markerOwners(session: Session, marker: string): string[] {
  return session.all(session.kysely.selectFrom("replica").select("url").where("marker", "=", marker)).map(({ url }) => url);
}

/** The URL of another replica that has this marker: two declarations of one disk, or a cloned disk. */
export function markerOwner(session: Session, marker: string, except: ReplicaId): string | undefined {
  const query = session.kysely.selectFrom("replica").select("url").where("marker", "=", marker).where("id", "!=", except);
  return session.first(query.where("declared", "=", 1))?.url;
}

/**
 * A volume that was declared under another path or name before: its marker is known from a replica that is not declared any more. That replica's
 * rows then belong to the new declaration, so that nothing is copied again. The replica to go on with; undefined when there is none.
 */
export function takeOverReplica(
  inventory: Inventory,
  replica: DeclaredReplica,
  marker: string,
): ResultAsync<DeclaredReplica | undefined, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    const former = session.first(
      kysely.selectFrom("replica").select(["id", "url"]).where("marker", "=", marker).where("declared", "=", 0),
    );
    const copies = session.first(
      kysely.selectFrom("file_replica").select("file_origin_id").where("replica_id", "=", replica.id).limit(1),
    );
    if (former === undefined || copies !== undefined) return undefined;
    session.run(kysely.deleteFrom("attempt").where("replica_id", "=", replica.id));
    session.run(kysely.deleteFrom("import_progress").where("replica_id", "=", replica.id));
    session.run(kysely.deleteFrom("manifest").where("replica_id", "=", replica.id));
    session.run(kysely.deleteFrom("replica").where("id", "=", replica.id));
    session.run(
      kysely.updateTable("replica").set({ url: replica.url, declared: 1, reconciled_revision: 0 }).where("id", "=", former.id),
    );
    return { id: former.id, url: replica.url, marker, reconciledRevision: 0 };
  });
}
