import { type Kysely, type Migration, sql } from "kysely";

/** The first schema. Never edited once landed: the next change is the next migration. */
export const firstSchema: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    const { schema } = database;
    await schema
      .createTable("host")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull().unique())
      .addColumn("declared", "integer", (c) => c.notNull())
      .execute();
    await schema
      .createTable("data_directory")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("host_id", "integer", (c) => c.notNull().references("host.id"))
      .addColumn("path", "text", (c) => c.notNull())
      .addColumn("declared", "integer", (c) => c.notNull())
      .addColumn("scanned_at", "bigint")
      .addColumn("scan_report", "text")
      .addColumn("frozen_at", "bigint")
      .addUniqueConstraint("data_directory_path", ["host_id", "path"])
      .execute();
    await schema
      .createTable("directory")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("host_id", "integer", (c) => c.notNull().references("host.id"))
      .addColumn("data_directory_id", "integer", (c) => c.notNull().references("data_directory.id"))
      .addColumn("parent_id", "integer", (c) => c.references("directory.id"))
      .addColumn("path", "text", (c) => c.notNull())
      .addColumn("absent", "integer", (c) => c.notNull())
      .addUniqueConstraint("directory_path", ["host_id", "path"])
      .execute();
    await schema.createIndex("directory_parent").on("directory").column("parent_id").execute();
    await schema
      .createTable("file_origin")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("directory_id", "integer", (c) => c.notNull().references("directory.id"))
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("size", "bigint", (c) => c.notNull())
      .addColumn("mtime_seconds", "bigint", (c) => c.notNull())
      .addColumn("mtime_nanoseconds", "integer", (c) => c.notNull())
      .addColumn("state", "smallint", (c) => c.notNull())
      .addColumn("revision", "bigint", (c) => c.notNull())
      .addColumn("observed_at", "bigint", (c) => c.notNull())
      .addUniqueConstraint("file_origin_name", ["directory_id", "name"])
      .execute();
    await schema.createIndex("file_origin_revision").on("file_origin").column("revision").execute();
    await schema
      .createTable("replica")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("url", "text", (c) => c.notNull().unique())
      .addColumn("declared", "integer", (c) => c.notNull())
      .addColumn("marker", "text")
      .addColumn("reconciled_revision", "bigint", (c) => c.notNull())
      .execute();
    await schema
      .createTable("file_replica")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("file_origin_id", "integer", (c) => c.notNull().references("file_origin.id"))
      .addColumn("state", "smallint", (c) => c.notNull())
      .addColumn("size", "bigint", (c) => c.notNull())
      .addColumn("mtime_seconds", "bigint", (c) => c.notNull())
      .addColumn("mtime_nanoseconds", "integer", (c) => c.notNull())
      .addColumn("kept_mtime_seconds", "bigint")
      .addColumn("kept_mtime_nanoseconds", "integer")
      .addColumn("digest_algorithm", "smallint")
      .addColumn("digest", "blob")
      .addColumn("copied_at", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("file_replica_key", ["replica_id", "file_origin_id"])
      .modifyEnd(sql`without rowid`)
      .execute();
    await schema
      .createIndex("file_replica_not_current")
      .on("file_replica")
      .columns(["state", "replica_id", "file_origin_id"])
      .where(sql.ref("state"), "!=", sql.lit(1))
      .execute();
    await schema
      .createTable("attempt")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("file_origin_id", "integer", (c) => c.notNull().references("file_origin.id"))
      .addColumn("attempts", "integer", (c) => c.notNull())
      .addColumn("first_at", "bigint", (c) => c.notNull())
      .addColumn("last_at", "bigint", (c) => c.notNull())
      .addColumn("next_at", "bigint", (c) => c.notNull())
      .addColumn("domain", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("message", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("attempt_key", ["replica_id", "file_origin_id"])
      .modifyEnd(sql`without rowid`)
      .execute();
    await schema
      .createTable("in_flight")
      .addColumn("replica_id", "integer", (c) => c.notNull().references("replica.id"))
      .addColumn("directory_id", "integer", (c) => c.notNull().references("directory.id"))
      .addPrimaryKeyConstraint("in_flight_key", ["replica_id", "directory_id"])
      .modifyEnd(sql`without rowid`)
      .execute();
    for (const what of ["file_origin", "directory"]) {
      const table = what === "directory" ? "vanished_directory" : "vanished_file";
      await schema
        .createTable(table)
        .addColumn("data_directory_id", "integer", (c) => c.notNull().references("data_directory.id"))
        .addColumn(`${what}_id`, "integer", (c) => c.notNull().references(`${what}.id`))
        .addPrimaryKeyConstraint(`${table}_key`, ["data_directory_id", `${what}_id`])
        .modifyEnd(sql`without rowid`)
        .execute();
    }
    await schema
      .createTable("tally")
      .addColumn("data_directory_id", "integer", (c) => c.notNull().references("data_directory.id"))
      .addColumn("replica_id", "integer", (c) => c.notNull())
      .addColumn("category", "smallint", (c) => c.notNull())
      .addColumn("files", "bigint", (c) => c.notNull())
      .addColumn("bytes", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("tally_key", ["data_directory_id", "replica_id", "category"])
      .modifyEnd(sql`without rowid`)
      .execute();
    await schema
      .createTable("condition")
      .addColumn("subject", "text", (c) => c.notNull())
      .addColumn("type", "text", (c) => c.notNull())
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("message", "text", (c) => c.notNull())
      .addColumn("last_transition_at", "bigint", (c) => c.notNull())
      .addColumn("observed_generation", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("condition_key", ["subject", "type"])
      .execute();
    await schema
      .createTable("event")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("subject", "text", (c) => c.notNull())
      .addColumn("severity", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("message", "text", (c) => c.notNull())
      .addColumn("count", "integer", (c) => c.notNull())
      .addColumn("first_at", "bigint", (c) => c.notNull())
      .addColumn("last_at", "bigint", (c) => c.notNull())
      .addUniqueConstraint("event_key", ["subject", "reason", "message"])
      .execute();
    await schema
      .createTable("run")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("started_at", "bigint", (c) => c.notNull())
      .addColumn("ended_at", "bigint")
      .addColumn("outcome", "text")
      .addColumn("copied_files", "bigint", (c) => c.notNull())
      .addColumn("copied_bytes", "bigint", (c) => c.notNull())
      .addColumn("adopted_files", "bigint", (c) => c.notNull())
      .addColumn("failed_files", "bigint", (c) => c.notNull())
      .execute();
    await schema
      .createTable("counter")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("value", "bigint", (c) => c.notNull())
      .execute();
  },
};
