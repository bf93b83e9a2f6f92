import { expect, test } from "bun:test";
import { type Loop, RunningLoops } from "./running-loops.ts";

/** Ends when the test says so, whatever it is asked. */
class SlowLoop implements Loop {
  readonly #ended = Promise.withResolvers<void>();
  runs = 0;
  waited = 0;
  letGo: Promise<unknown> = Promise.resolve();

  run(): Promise<void> {
    this.runs += 1;
    return this.#ended.promise;
  }

  waits(): void {
    this.waited += 1;
  }

  end(): void {
    this.#ended.resolve();
  }
}

/** Everything that waits for nothing has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Scene {
  readonly loops = new RunningLoops<string, SlowLoop>();
  readonly made: SlowLoop[] = [];

  want(...keys: readonly string[]): void {
    const make = (): SlowLoop => {
      const loop = new SlowLoop();
      this.made.push(loop);
      return loop;
    };
    this.loops.apply(new Map(keys.map((key) => [key, key])), make, () => undefined);
  }

  get runs(): number[] {
    return this.made.map(({ runs }) => runs);
  }
}

test("a loop that is wanted again begins when its former one has ended; others wait for nobody", async () => {
  const scene = new Scene();
  scene.want("a");
  scene.want();
  scene.want("a", "b");
  await settled();
  expect(scene.runs).toEqual([1, 0, 1]);
  expect(scene.made.map(({ waited }) => waited)).toEqual([0, 1, 0]);
  expect(scene.loops.draining.map(({ loop }) => loop)).toEqual(scene.made.slice(0, 1));
  scene.made[0]?.end();
  await settled();
  expect(scene.runs).toEqual([1, 1, 1]);
  expect(scene.loops.draining).toEqual([]);
});

test("one that is let go again while it waits never runs, and the next waits for the first", async () => {
  const scene = new Scene();
  scene.want("a");
  scene.want();
  scene.want("a");
  scene.want();
  scene.want("a");
  await settled();
  expect(scene.runs).toEqual([1, 0, 0]);
  scene.made[0]?.end();
  await settled();
  expect(scene.runs).toEqual([1, 0, 1]);
});

test("what hung in a loop that has ended is waited for by the next one, and not by the end of all", async () => {
  const scene = new Scene();
  const hung = Promise.withResolvers<void>();
  scene.want("a");
  const [first] = scene.made;
  if (first !== undefined) first.letGo = hung.promise;
  scene.want();
  first?.end();
  await settled();
  scene.want("a");
  await settled();
  expect(scene.runs).toEqual([1, 0]);
  await scene.loops.stop();
  expect(scene.runs).toEqual([1, 0]);
  expect(scene.loops.draining.map(({ loop }) => loop)).toEqual(first === undefined ? [] : [first]);
  hung.resolve();
  await settled();
  expect(scene.loops.draining).toEqual([]);
});
