/** Who this inventory is: a random UUID that is made with it. Two agents with two inventories know each other by it. */
import type { ResultAsync } from "neverthrow";
import type { Inventory } from "./inventory.ts";
import type { InventoryError } from "./inventory-error.ts";

/** The UUID of this inventory; `fresh` becomes it where it has none yet. */
export function identityOf(inventory: Inventory, fresh: string): ResultAsync<string, InventoryError> {
  return inventory.write(({ session }) => {
    const { kysely } = session;
    const known = session.first(kysely.selectFrom("identity").select("uuid"));
    if (known !== undefined) return known.uuid;
    session.run(kysely.insertInto("identity").values({ uuid: fresh }));
    return fresh;
  });
}
