/** Directories at and below a path, as one range of the index on (host, path). Of rows of `directory as d`. */
import { sql } from "kysely";

/** `path`: absolute. Names that come between ("a-b" after "a") are left out; "0" is what comes right after "/". */
export const isAtOrBelow = (path: string) =>
  sql<boolean>`(d.path >= ${path} and d.path < rtrim(${path}, '/') || '0' and (d.path = ${path} or d.path > rtrim(${path}, '/') || '/'))`;
