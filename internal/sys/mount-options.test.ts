/** Which mounts do not flush: by lines that the kernel wrote, and by a real one. */
import { expect, test } from "bun:test";
import { mountImage, Scratch, wholeTest } from "../testing/mod.ts";
import { mountedUnflushed, openRootDirectory, unflushedBy } from "./mod.ts";

test.each([
  ["36 35 8:1 / /mnt/a rw,noatime shared:1 - ext4 /dev/sda1 rw,nobarrier,errors=remount-ro", "nobarrier"],
  ["36 35 8:1 / /mnt/a rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro", undefined],
  ["36 35 8:1 / /mnt/a rw master:2 propagate_from:3 - btrfs /dev/sda1 rw,nobarrier,space_cache=v2,subvol=/", "nobarrier"],
  ["36 35 8:1 / /mnt/a rw - ext3 /dev/sda1 rw,barrier=0,data=ordered", "barrier=0"],
  ["36 35 8:1 / /mnt/a rw - ext3 /dev/sda1 rw,barrier=1,data=ordered", undefined],
  ["36 35 0:40 / /mnt/a rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w,volatile", "volatile"],
  ["36 35 0:40 / /mnt/a rw - overlay volatile rw,lowerdir=/volatile,upperdir=/nobarrier,workdir=/w", undefined],
  ["36 35 8:1 / /mnt/a rw - f2fs /dev/sda1 rw,fsync_mode=nobarrier", "fsync_mode=nobarrier"],
  ["36 35 8:1 / /mnt/a rw - f2fs /dev/sda1 rw,fsync_mode=posix", undefined],
  ["36 35 8:1 /nobarrier /mnt/nobarrier\\040- rw - ext4 /dev/nobarrier rw", undefined],
  // Another mount's.
  ["360 35 8:1 / /mnt/b rw - ext4 /dev/sda1 rw,nobarrier", undefined],
  ["", undefined],
])("%s", (line, option) => {
  expect(unflushedBy(`35 1 8:0 / / rw - ext4 /dev/sdb1 rw\n${line}\n`, "36")).toBe(option);
});

wholeTest("a mount that is open is found, also after it was mounted in another way", ["loop"], () => {
  using scratch = new Scratch();
  const volume = mountImage(scratch.path("disk"), "ext4");
  const root = openRootDirectory(scratch.path("disk"))._unsafeUnwrap();
  expect(mountedUnflushed(root)).toBeUndefined();
  volume.remount("nobarrier");
  expect(mountedUnflushed(root)).toBe("nobarrier");
});
