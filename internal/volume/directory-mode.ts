/** The mode that a new directory has until its owner and its whole mode are set. */
import type { DirectoryAttributes } from "./volume.ts";

/**
 * Nobody else may write while the owner is not set; else it is what it is to be, so that a run that is killed in between leaves a directory that can be read by those who may
 * read its origin.
 */
export const modeAtFirst = ({ mode }: DirectoryAttributes): number => (mode & 0o755) | 0o700;
