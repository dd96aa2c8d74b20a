/**
 * Whether a server of this version never tells of progress before the events that it covers. Those of etcd before
 * 3.4.31, and of 3.5 before 3.5.13, could.
 */
export function vouchesForProgress(version: string): boolean {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return false;
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 31;
  if (minor === 5) return patch >= 13;
  return minor > 5;
}
