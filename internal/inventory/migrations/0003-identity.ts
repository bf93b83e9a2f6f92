import type { Kysely, Migration } from "kysely";
import { randomUuid } from "../../sys/mod.ts";

/** The inventory's own UUID, by which a replica knows whose rows tell of its copies. */
export const identity: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await database.schema
      .createTable("identity")
      .addColumn("uuid", "text", (c) => c.primaryKey())
      .execute();
    // What kysely knows of the schema here is what was made just now.
    const made = database as Kysely<{ identity: { uuid: string } }>;
    await made.insertInto("identity").values({ uuid: randomUuid() }).execute();
  },
};
