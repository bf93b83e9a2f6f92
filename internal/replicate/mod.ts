/**
 * Replicate: what a replica lacks (plan), the safe copy that brings it there, the proof that it is still there (verify), what is there already (import); whether an
 * original may be lost (safe), and the way back (restore).
 *
 * Promises: the order of DESIGN.md section 6 for every file, so that a reader sees the old file or the new one, and a row follows only what is durable;
 * nothing is written below a root whose marker is not the declared one; one bad file never stops the others.
 * Never: removes or overwrites what the inventory does not know; writes to the inventory; touches an origin, but
 * for a restore that an operator asks for, which replaces there what the operator says.
 */

export * from "./backoff.ts";
export * from "./clean.ts";
export { CopyBuffers } from "./copy-bytes.ts";
export * from "./copy-failure.ts";
export * from "./copy-group.ts";
export { withoutHelp } from "./copy-outcome.ts";
export * from "./copy-request.ts";
export * from "./dark-files.ts";
export { type Raised, type RaiseRequest, raiseGeneration } from "./generation.ts";
export * from "./import-folders.ts";
export * from "./import-found.ts";
export * from "./import-layout.ts";
export * from "./import-walk.ts";
export * from "./independence.ts";
export * from "./inventory-copy.ts";
export * from "./pass-plan.ts";
export * from "./plan.ts";
export * from "./replica-check.ts";
export * from "./restore-group.ts";
export * from "./root-problem.ts";
export * from "./safety.ts";
export * from "./safety-look.ts";
export * from "./safety-reasons.ts";
export { TAKEN_SPACE_BYTES } from "./space-budget.ts";
export * from "./verify-copies.ts";
export * from "./verify-outcome.ts";
export type { CopyWatch } from "./watched-source.ts";
export * from "./write-manifests.ts";
export type { Claims } from "./writer-claims.ts";
