/**
 * Every migration, in order, by name. A static map, so that the compiled binary carries them. A landed migration is never edited or
 * removed; its name is what a database remembers of it.
 */
import type { Migration } from "kysely";
import { firstSchema } from "./0001-first-schema.ts";
import { controller } from "./0002-controller.ts";
import { identity } from "./0003-identity.ts";
import { evidence } from "./0004-evidence.ts";
import { importing } from "./0005-import.ts";

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-first-schema": firstSchema,
  "0002-controller": controller,
  "0003-identity": identity,
  "0004-evidence": evidence,
  "0005-import": importing,
};
