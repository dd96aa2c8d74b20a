import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A file system of its own in memory, which fills up and can be made read-only. Only root can make one. */
export class SmallDisk implements Disposable {
  readonly directory: string;

  /** Undefined when this system or user cannot, which is said in one line. */
  static mount(megabytes: number): SmallDisk | undefined {
    const directory = mkdtempSync(path.join(tmpdir(), 'quorate-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'quorate-test', directory], {
        stdio: 'pipe',
      });
      return new SmallDisk(directory);
    } catch {
      rmSync(directory, { recursive: true });
      process.stderr.write(
        'left out: tests of a full disk, because nothing can be mounted here (run them as root)\n',
      );
      return undefined;
    }
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  makeReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.directory]);
  }

  [Symbol.dispose](): void {
    execFileSync('umount', [this.directory]);
    rmSync(this.directory, { recursive: true });
  }
}
