/**
 * An open inventory. Reads see one statement's snapshot each; every write is one transaction, all of it or nothing. Only the controller holds a
 * writable one: workers open their own read-only one (`snapshot.ts`).
 */
import type { SQLQueryBindings, Database as SqliteDatabase } from "bun:sqlite";
import { type Compilable, Kysely } from "kysely";
import { BunSqliteDialect } from "kysely-bun-sqlite";
import { err, errAsync, ok, okAsync, type Result, type ResultAsync } from "neverthrow";
import { inventoryErrorOf } from "./_sqlite-error.ts";
import type { InventoryTables } from "./database-schema.ts";
import type { InventoryError } from "./inventory-error.ts";
import { ManifestChanges } from "./manifest-changes.ts";
import { prepare, type Statement } from "./statement.ts";
import { TallyChanges } from "./tally.ts";

type Build<Parameters extends readonly unknown[], Query> = (kysely: Kysely<InventoryTables>, ...parameters: Parameters) => Query;

/** Runs queries on one connection. */
export class Session {
  readonly kysely: Kysely<InventoryTables>;
  #pageCache: number | undefined;
  readonly #prepared = new Map<unknown, Statement<never, unknown>>();

  constructor(
    readonly path: string,
    protected readonly sqlite: SqliteDatabase,
  ) {
    this.kysely = new Kysely<InventoryTables>({ dialect: new BunSqliteDialect({ database: sqlite }) });
  }

  /** The query of `build` (a constant of its module), prepared once for this connection. */
  statement<Parameters extends readonly unknown[], Query extends Compilable<unknown>>(
    build: Build<Parameters, Query>,
  ): Statement<Parameters, Query extends Compilable<infer Row> ? Row : never> {
    type Prepared = Statement<Parameters, Query extends Compilable<infer Row> ? Row : never>;
    // The map's key is the function that fixes the type of its value.
    const known = this.#prepared.get(build) as Prepared | undefined;
    if (known !== undefined) return known;
    const made = prepare(this.sqlite, this.kysely, build);
    this.#prepared.set(build, made);
    return made;
  }

  all<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile();
    // Kysely's types have checked the values against the columns.
    return this.sqlite.query<Row, SQLQueryBindings[]>(sql).all(...(parameters as SQLQueryBindings[]));
  }

  first<Row>(query: Compilable<Row>): Row | undefined {
    return this.all(query)[0];
  }

  /** Runs a query that returns no rows; the number of rows it changed. */
  run(query: Compilable<unknown>): number {
    const { sql, parameters } = query.compile();
    return this.sqlite.query<unknown, SQLQueryBindings[]>(sql).run(...(parameters as SQLQueryBindings[])).changes;
  }

  /**
   * Runs with one snapshot for everything that `action` reads: it sees no commit that comes meanwhile, and takes SQLite's locks once instead of once a
   * statement (https://www.sqlite.org/wal.html). Short, because the log cannot shrink meanwhile; never nested.
   */
  async inSnapshot<Value>(action: () => Promise<Value>): Promise<Value> {
    this.sqlite.query("begin").run();
    try {
      return await action();
    } finally {
      this.sqlite.query("commit").run();
    }
  }

  /** How much memory SQLite may keep pages in, on this connection. Costs nothing when it is so already. */
  setPageCache(mebibytes: number): void {
    if (mebibytes === this.#pageCache) return;
    this.#pageCache = mebibytes;
    this.sqlite.run(`pragma cache_size = ${-1024 * mebibytes}`);
  }

  /** What `operation` reads, or the reason why the inventory cannot be read. */
  readNow<Value>(operation: (session: Session) => Value): Result<Value, InventoryError> {
    try {
      return ok(operation(this));
    } catch (exception) {
      return err(inventoryErrorOf(this.path, exception));
    }
  }

  /** The same, for chains of effects. */
  read<Value>(operation: (session: Session) => Value): ResultAsync<Value, InventoryError> {
    const result = this.readNow(operation);
    return result.isOk() ? okAsync(result.value) : errAsync(result.error);
  }

  /** Ends the connection. Idempotent. */
  close(): void {
    // A statement that is left keeps SQLite's connection, and its files, open.
    for (const statement of this.#prepared.values()) statement.finalize();
    this.#prepared.clear();
    this.sqlite.close();
  }
}

/** One write transaction: adds to a session what must be committed together with the rows. */
export class Transaction {
  readonly tally = new TallyChanges();
  readonly manifests = new ManifestChanges();
  #revision: number;

  constructor(
    readonly session: Session,
    revision: number,
  ) {
    this.#revision = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The next number of the one sequence that orders all changes of file origins. */
  nextRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }
}

/** What the controller holds: whatever it reads or writes comes as a `Result`, because a read outside of `readNow` would throw what happens to the disk. */
export type Inventory = Pick<
  WritableInventory,
  "path" | "uuid" | "revision" | "read" | "readNow" | "write" | "onTrial" | "inSnapshot" | "close"
>;

export class WritableInventory extends Session {
  #revision: number;
  #closed = false;
  /** While writes are on trial: the first that failed. */
  #trial: { failed: InventoryError | undefined } | undefined;
  readonly #onClose: (isFolded: boolean) => void;
  /** Its own, from its making on; a copy of the database has the same. */
  readonly uuid: string;

  constructor(path: string, sqlite: SqliteDatabase, onClose: (isFolded: boolean) => void) {
    super(path, sqlite);
    this.#onClose = onClose;
    this.#revision = this.first(this.kysely.selectFrom("counter").select("value").where("name", "=", "revision"))?.value ?? 0;
    this.uuid = this.first(this.kysely.selectFrom("identity").select("uuid"))?.uuid ?? "";
  }

  /** The revision of the newest change. */
  get revision(): number {
    return this.#revision;
  }

  /** Runs `operation` in one transaction: all of its rows, the tallies and the revision are committed, or none of them. */
  write<Value>(operation: (transaction: Transaction) => Value): ResultAsync<Value, InventoryError> {
    // SQLite takes back everything where a disk is full: what came after it would be no trial any more.
    if (this.#trial?.failed !== undefined) return errAsync(this.#trial.failed);
    const transaction = new Transaction(this, this.#revision);
    try {
      const value = this.sqlite.transaction(() => {
        const result = operation(transaction);
        transaction.tally.save(this);
        transaction.manifests.save(this);
        if (transaction.revision !== this.#revision) this.#saveRevision(transaction.revision);
        return result;
      })();
      this.#revision = transaction.revision;
      return okAsync(value);
    } catch (exception) {
      const error = inventoryErrorOf(this.path, exception);
      if (this.#trial !== undefined) this.#trial.failed = error;
      return errAsync(error);
    }
  }

  /**
   * Runs `action`, takes back all that it has written, and gives what it came to. Its writes see each other; no other connection ever sees them. What they need lies in the
   * write-ahead log meanwhile, not in memory. Killed on the way, nothing was written either. Never nested.
   */
  async onTrial<Value>(action: () => Promise<Value>): Promise<Result<Value, InventoryError>> {
    const revision = this.#revision;
    try {
      this.sqlite.query("begin immediate").run();
    } catch (exception) {
      return err(inventoryErrorOf(this.path, exception));
    }
    this.#trial = { failed: undefined };
    try {
      return ok(await action());
    } finally {
      this.#trial = undefined;
      this.#revision = revision;
      this.#takeBack();
    }
  }

  #takeBack(): void {
    try {
      if (this.sqlite.inTransaction) this.sqlite.query("rollback").run();
    } catch (exception) {
      // The disk fails: the end of the connection takes it back as well.
      inventoryErrorOf(this.path, exception);
    }
  }

  #saveRevision(value: number): void {
    this.run(
      this.kysely
        .insertInto("counter")
        .values({ name: "revision", value })
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ value })),
    );
  }

  /** Folds the write-ahead log into the database file, ends the connection and gives up the lock. Idempotent. */
  override close(): void {
    if (this.#closed) return;
    this.#closed = true;
    let isFolded = false;
    try {
      this.sqlite.run("pragma optimize");
      this.sqlite.run("pragma wal_checkpoint(truncate)");
      isFolded = true;
    } catch (exception) {
      // Every row is committed, and stands in the log: whoever opens the inventory next reads it there, and checks the whole.
      inventoryErrorOf(this.path, exception);
    } finally {
      super.close();
      this.#onClose(isFolded);
    }
  }
}
