/**
 * Faults: the compiled program in a small world, disturbed at one system call after the other, and what must hold after each (DESIGN.md section 3).
 *
 * Promises: what is checked is read by code that shares nothing with the program (python3: its own SQLite, its own hashes); a case that fails can be repeated alone by its name.
 * Never: judges a case in which nothing was disturbed: such cases are counted apart.
 */
export * from "./command-sweep.ts";
export * from "./fault-case.ts";
export * from "./fault-points.ts";
export * from "./fault-world.ts";
export * from "./invariants.ts";
export * from "./isolation.ts";
export * from "./kinds.ts";
export * from "./scene.ts";
export * from "./short-transfers.ts";
export * from "./sweep.ts";
