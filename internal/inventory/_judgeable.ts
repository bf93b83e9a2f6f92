/** Which copies, by their state, a look takes in. Of rows of `file_replica as r`. */
import { sql } from "kysely";
import { type FileReplicaState, fileReplicaStateCode } from "./model.ts";

const isIn = (...states: FileReplicaState[]) =>
  sql<boolean>`r.state in (${sql.join(states.map((state) => sql.lit(fileReplicaStateCode(state))))})`;
/** Copies with a verdict are left out: they are taken for nothing while it stands. */
export const JUDGEABLE = isIn("current", "stale");
/** What was lost may come back, with the disk that it is on. */
export const LOOKED_AT = isIn("current", "stale", "lost");
/** Of those with another verdict only contents that were recorded can tell that they are good again. */
export const TO_BE_PROVEN = sql<boolean>`(${isIn("suspect", "corrupt")} and r.digest is not null)`;
