/** Collects, in one transaction, the directories whose manifests are to be written again, and notes them down once each. */
import type { Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";
import type { Session } from "./inventory.ts";
import type { DirectoryId, ReplicaId } from "./model.ts";

const noteDue = (kysely: Kysely<InventoryTables>, replica_id: ReplicaId, directory_id: DirectoryId, due_since: number) =>
  kysely
    .insertInto("manifest")
    .values({ replica_id, directory_id, changes: 1, due_since, files: 0 })
    .onConflict((conflict) =>
      conflict.columns(["replica_id", "directory_id"]).doUpdateSet((update) => ({
        changes: update("manifest.changes", "+", 1),
        due_since: update.fn.coalesce("manifest.due_since", "excluded.due_since"),
      })),
    );

export class ManifestChanges {
  readonly #due = new Map<ReplicaId, Map<DirectoryId, number>>();

  /** What the manifest of the directory is to say has changed. `at`: milliseconds since 1970. */
  due(replica: ReplicaId, directory: DirectoryId, at: number): void {
    const directories = this.#due.get(replica) ?? new Map<DirectoryId, number>();
    this.#due.set(replica, directories);
    if (!directories.has(directory)) directories.set(directory, at);
  }

  /** @throws SQLiteError (the caller is inside a transaction) */
  save(session: Session): void {
    for (const [replica, directories] of this.#due) {
      for (const [directory, at] of directories) session.statement(noteDue).run(replica, directory, at);
    }
  }
}
