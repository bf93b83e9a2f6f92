/** What the commands that read the inventory page by page have in common. */
import { err, type Result } from "neverthrow";
import type { RecordedFile } from "../inventory/mod.ts";
import type { AgentError } from "./agent-error.ts";

/** The absolute origin path of a row. */
export const rowPath = ({ directoryPath, name }: Pick<RecordedFile, "directoryPath" | "name">): string =>
  directoryPath === "/" ? `/${name}` : `${directoryPath}/${name}`;

/** An inventory that broke on the way; anything else is a bug and goes on. @throws what is not of SQLite */
export function inventoryFault<Value>(path: string, exception: unknown): Result<Value, AgentError> {
  if (!(exception instanceof Error) || exception.name !== "SQLiteError") throw exception;
  return err({ kind: "inventory-unusable", path, detail: exception.message });
}
