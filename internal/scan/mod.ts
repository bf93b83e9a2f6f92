/**
 * Scan: walks the data directories and says what differs from the inventory, and nothing else.
 *
 * Promises: root symlinks are followed, nothing below a root is; what cannot be read is named and proves no absence; special files and symlinks are
 * counted and never opened; memory does not grow with the number of files.
 * Never: writes to the inventory (it has a read-only one), opens a file of an instrument, or decides what is absent: the brake does.
 */
export * from "./directory-scan.ts";
export * from "./exclude-patterns.ts";
export * from "./fresh-walk.ts";
export * from "./listings-ahead.ts";
export * from "./name-look.ts";
export * from "./scan-sink.ts";
export * from "./scan-target.ts";
export * from "./settle.ts";
export * from "./watched-directories.ts";
