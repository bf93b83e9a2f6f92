import { describe, expect, test } from "bun:test";
import { mkdirSync, statSync } from "node:fs";
import { command, mountImage, mountMemory, Scratch, wholeTest } from "../testing/mod.ts";
import { close, openRootDirectory } from "./descriptor.ts";
import { statDescriptor } from "./file-stat.ts";
import { devicePart, type Makeup, makeupAt, makeupOf } from "./file-system-parts.ts";

function madeAt(path: string): Makeup {
  const descriptor = openRootDirectory(path)._unsafeUnwrap();
  const { device } = statDescriptor(descriptor)._unsafeUnwrap();
  const makeup = makeupOf(descriptor, device);
  close(descriptor);
  expect(makeupAt(path, device)).toEqual(makeup);
  return makeup;
}

const partsAt = (path: string): readonly string[] => madeAt(path).parts;

describe("the parts of a file system", () => {
  test("its device is the one that stat(2) tells", () => {
    const { dev } = statSync("/proc");
    // The numbers of gnu_dev_major(3) and gnu_dev_minor(3), for those that are as small as these.
    expect(partsAt("/proc")).toEqual([`device ${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`]);
  });

  test("two folders of one file system have the same parts, two file systems share none", () => {
    expect(partsAt("/proc/self")).toEqual(partsAt("/proc"));
    expect(new Set(partsAt("/proc")).isDisjointFrom(new Set(partsAt("/sys")))).toBe(true);
  });

  test("what no disk is told of may lie on any, and another device than was said may be anything", () => {
    expect(madeAt("/proc")).toMatchObject({ unclear: true, inMemory: false });
    expect(makeupAt("/proc", 7)).toEqual({ parts: ["device 0:7"], unclear: true, inMemory: false });
    expect(makeupAt("/nowhere", 7)).toEqual({ parts: ["device 0:7"], unclear: true, inMemory: false });
  });

  wholeTest("memory is told, and so is a disk that is a file in memory", ["loop"], () => {
    using scratch = new Scratch();
    mountMemory(scratch.path("memory"), { size: "200m" });
    expect(madeAt(scratch.path("memory"))).toMatchObject({ unclear: false, inMemory: true });
    mountImage(scratch.path("loop"), "ext4", scratch.path("memory/image"));
    const { parts, ...rest } = madeAt(scratch.path("loop"));
    expect(rest).toEqual({ unclear: false, inMemory: true });
    expect(parts).toContain(partsAt(scratch.path("memory"))[0] ?? "");
  });

  wholeTest("a file system whose image is in it comes to an end", ["loop"], () => {
    using scratch = new Scratch();
    const path = scratch.path("disk");
    mkdirSync(path);
    mountImage(path, "ext4", `${path}/image`);
    // From now on the path of the image means a file that lies on the image.
    command("truncate", "-s", "64M", `${path}/image`);
    expect(madeAt(path)).toMatchObject({ unclear: true });
  });

  test("a device number is told by its major and its minor number", () => {
    expect(devicePart(8 * 2 ** 32 + 17)).toBe("device 8:17");
  });
});
