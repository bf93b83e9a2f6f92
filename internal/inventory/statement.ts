/**
 * A Kysely query, compiled and prepared once, for the paths where building it for every row would cost more than running it. The SQL comes from
 * Kysely, so there is no second text that could say something else.
 */
import type { SQLQueryBindings, Database as SqliteDatabase, Statement as SqliteStatement } from "bun:sqlite";
import type { Compilable, Kysely } from "kysely";
import type { InventoryTables } from "./database-schema.ts";

class Slot {
  constructor(readonly index: number) {}
}

type RowOf<Query> = Query extends Compilable<infer Row> ? Row : never;

export class Statement<Parameters extends readonly unknown[], Row> {
  readonly #statement: SqliteStatement<Row, SQLQueryBindings[]>;
  /** For each `?` of the SQL: the slot it takes its value from, or the constant that Kysely put there. */
  readonly #bindings: readonly (Slot | SQLQueryBindings)[];
  /** The parameters are the bindings, in their order. */
  readonly #direct: boolean;

  constructor(sqlite: SqliteDatabase, sql: string, bindings: readonly (Slot | SQLQueryBindings)[]) {
    this.#statement = sqlite.prepare(sql);
    this.#bindings = bindings;
    this.#direct = bindings.every((binding, index) => binding instanceof Slot && binding.index === index);
  }

  #bind(parameters: Parameters): SQLQueryBindings[] {
    // The caller's types are those of the query's own columns, all of which SQLite can bind.
    if (this.#direct && parameters.length === this.#bindings.length) return parameters as unknown as SQLQueryBindings[];
    return this.#bindings.map((binding) => (binding instanceof Slot ? (parameters[binding.index] as SQLQueryBindings) : binding));
  }

  /** Runs it; the number of rows it changed. */
  run(...parameters: Parameters): number {
    return this.#statement.run(...this.#bind(parameters)).changes;
  }

  get(...parameters: Parameters): Row | undefined {
    return this.#statement.get(...this.#bind(parameters)) ?? undefined;
  }

  all(...parameters: Parameters): Row[] {
    return this.#statement.all(...this.#bind(parameters));
  }

  /** Rows as arrays in the order of the selection: no object a row, for the scan's inner loop. */
  values(...parameters: Parameters): unknown[][] {
    return this.#statement.values(...this.#bind(parameters));
  }

  finalize(): void {
    this.#statement.finalize();
  }
}

/**
 * Prepares the query that `build` makes. `build` gets one placeholder per parameter, typed as the parameter, and must only hand them on to Kysely.
 */
export function prepare<Parameters extends readonly unknown[], Query extends Compilable<unknown>>(
  sqlite: SqliteDatabase,
  kysely: Kysely<InventoryTables>,
  build: (kysely: Kysely<InventoryTables>, ...parameters: Parameters) => Query,
): Statement<Parameters, RowOf<Query>> {
  const slots = Array.from({ length: build.length - 1 }, (_, index) => new Slot(index));
  // Kysely passes values through to the compiled query untouched, so a placeholder may stand for any type.
  const compiled = build(kysely, ...(slots as unknown as Parameters)).compile();
  return new Statement(sqlite, compiled.sql, compiled.parameters as readonly (Slot | SQLQueryBindings)[]);
}
