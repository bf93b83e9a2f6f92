/**
 * Power: the program on disks whose writes and flushes are recorded; then what the disks would hold if the power had been cut at any flush, and what must hold there.
 *
 * Promises: inventory, copies and origin are cut in the same moment; what was not flushed is lost, kept, or kept in part, as a seed decides; a case that fails can be repeated by its name.
 * Never: takes for granted that a disk writes in order, or writes whole what it was given.
 */
export * from "./cut.ts";
export * from "./ground.ts";
export * from "./judge.ts";
export * from "./kinds.ts";
export * from "./power-case.ts";
export * from "./recording.ts";
