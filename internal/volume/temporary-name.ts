/** Names of temporary files: the only files at a replica that the agent may ever remove (law 1). */
const PATTERN = /^\.xtelemdb-[0-9a-f]{16}\.part$/;

/** How many random bytes a temporary name holds. */
export const TEMPORARY_NAME_BYTES = 8;

export const temporaryName = (hex: string): string => `.xtelemdb-${hex}.part`;

export const isTemporaryName = (name: string): boolean => PATTERN.test(name);
