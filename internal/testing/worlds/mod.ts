/**
 * Worlds: the compiled program on real disks to which something is done in the middle of a run, and what must hold of it then (DESIGN.md section 3).
 *
 * Promises: what is checked is read by code that shares nothing with the program (python3: its own SQLite, its own hashes); every deed is undone, and the next run heals all.
 * Never: waits for a time where it can wait for something to happen.
 */
export * from "./agent-case.ts";
export * from "./clock-case.ts";
export * from "./disk.ts";
export * from "./disk-case.ts";
export * from "./hang-case.ts";
export * from "./kinds.ts";
export * from "./late-case.ts";
export * from "./look.ts";
export * from "./middle.ts";
export * from "./running-case.ts";
export * from "./small-world.ts";
export * from "./way-case.ts";
export * from "./world-result.ts";
