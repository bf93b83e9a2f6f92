/** Whole numbers by name that are kept for themselves. */
import type { Session } from "./inventory.ts";

/** 0 where there is none. */
export const counter = (session: Session, name: string): number =>
  session.first(session.kysely.selectFrom("counter").select("value").where("name", "=", name))?.value ?? 0;

export const setCounter = (session: Session, name: string, value: number): void => {
  session.run(
    session.kysely
      .insertInto("counter")
      .values({ name, value })
      .onConflict((conflict) => conflict.column("name").doUpdateSet({ value })),
  );
};
