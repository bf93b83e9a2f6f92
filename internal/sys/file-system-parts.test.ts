import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { close, openRootDirectory } from "./descriptor.ts";
import { statDescriptor } from "./file-stat.ts";
import { devicePart, fileSystemParts } from "./file-system-parts.ts";

function partsAt(path: string): readonly string[] {
  const descriptor = openRootDirectory(path)._unsafeUnwrap();
  const parts = fileSystemParts(descriptor, statDescriptor(descriptor)._unsafeUnwrap().device);
  close(descriptor);
  return parts;
}

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

  test("a device number is told by its major and its minor number", () => {
    expect(devicePart(8 * 2 ** 32 + 17)).toBe("device 8:17");
  });
});
