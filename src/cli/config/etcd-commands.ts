/** What to say to those who come with a command of etcdctl or etcdutl that is not here. */
const answers: Readonly<Record<string, string>> = {
  watch: 'watching is not there yet',
  lease: 'leases are not there yet',
  lock: 'locks are not there yet; "quorate txn --help" shows how to take one by a comparison',
  elect: 'elections are not there yet; "quorate txn --help" shows how to take a lock by a comparison',
  endpoint: 'use "quorate status"',
  user: 'users are not there yet: use client certificates',
  role: 'roles are not there yet: use client certificates',
  auth: 'users are not there yet: use client certificates',
  compact: 'the history cannot be compacted yet',
  compaction: 'the history cannot be compacted yet',
  defrag: 'there is nothing to do: space is used again by itself',
  alarm:
    'there is nothing to disarm: writes are taken again as soon as there is room; "quorate status" shows a full disk',
  check: 'use "quorate status"',
  'move-leader': 'there is no such command yet; a replica that gets SIGTERM hands leadership over',
  'make-mirror': 'mirrors are not there',
  hashkv: 'there is no such command yet',
  migrate: 'there is nothing to migrate from',
  backup: 'use "quorate snapshot save"',
  set: 'use "quorate put"',
  rm: 'use "quorate del"',
  ls: 'use "quorate get" with --prefix',
};

export const etcdCommand = (name: string): string | undefined =>
  Object.hasOwn(answers, name) ? answers[name] : undefined;
