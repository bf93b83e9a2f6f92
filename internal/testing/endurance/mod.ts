/**
 * Endurance: a running agent under everything that goes on for hours, and the judge of whether it stays as it is.
 *
 * Promises: what is sampled is read from outside (/proc, file sizes); the same seed does the same things in the same order. Never: takes a warming up for a leak.
 */
export * from "./endurance.ts";
export * from "./judge.ts";
export * from "./samples.ts";
