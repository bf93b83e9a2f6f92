/**
 * A far end that means harm, or is broken beyond belief: whatever it says, a run comes to its end in time and memory, writes and reads nothing elsewhere, and the other replicas
 * have everything.
 */
import { expect } from "bun:test";
import { command, DISTORTIONS, type Distortion, HostileWorld, wholeTest } from "../../internal/testing/mod.ts";

/** Far more than a good run needs here, far less than what a hostile length asks for. */
const MOST_MEGABYTES = 600;

/** What acts on a terminal. */
const ACTING = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

async function expectNoHarm(distortion: Distortion): Promise<void> {
  using world = new HostileWorld();
  const canary = world.tree("canary");
  world.become(distortion);
  for (const words of [["sync"], ["scan"], ["verify"]]) {
    const outcome = await world.measured(...words);
    const said = `${words.join(" ")}: ${outcome.stdout}${outcome.stderr}`;
    if (process.env.SHOW) console.log(outcome.code, outcome.megabytes, said);
    expect(outcome.code, said).toBeOneOf([0, 3]);
    expect(said).not.toMatch(ACTING);
    expect(said).not.toContain("a fault of xtelemdb");
    expect(outcome.megabytes).toBeLessThan(MOST_MEGABYTES);
  }
  const origin = world.originFiles();
  expect(world.copiedFiles("backup")).toEqual(origin);
  expect(world.copiedFiles("honest")).toMatchObject(
    Object.fromEntries(Object.keys(origin).map((name) => [name, expect.any(String)])),
  );
  command("diff", "-r", world.data, world.copies("honest"));
  expect(world.tree("canary")).toEqual(canary);
  // Once it is what it should be, everything is there in the end, and none of it is what was made up.
  world.become("honest");
  const healed = await world.run("sync");
  expect(healed.code, healed.stdout + healed.stderr).toBeOneOf([0, 3]);
  command("diff", "-r", world.data, world.copies("far"));
  command("diff", "-r", world.path("remote"), world.copies("backup", "remote", "icc"));
  expect(world.tree("canary")).toEqual(canary);
}

for (const distortion of Object.keys(DISTORTIONS) as Distortion[]) {
  wholeTest(`a far end with ${distortion} does no harm`, ["sshd"], () => expectNoHarm(distortion));
}
