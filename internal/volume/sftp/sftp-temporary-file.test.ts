/** What of a half copy is surely durable. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { durableBytes, FLUSH_STEP_BYTES } from "./sftp-temporary-file.ts";

test("two steps may have been on their way; what is before them was flushed", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (size) => {
      const durable = durableBytes(size);
      expect(durable % FLUSH_STEP_BYTES).toBe(0);
      expect(durable === 0 || durable <= size - FLUSH_STEP_BYTES).toBe(true);
      expect(size - durable).toBeLessThan(2 * FLUSH_STEP_BYTES);
    }),
  );
});
