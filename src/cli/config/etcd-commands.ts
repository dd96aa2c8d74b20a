/** What to say to those who come with a command of etcdctl or etcdutl that is not here. */
const answers: Readonly<Record<string, string>> = {
  endpoint: 'use "quorate status"',
  compaction: 'use "quorate compact"',
  defrag: 'there is nothing to do: space is used again by itself',
  alarm:
    'there is no such command here: "quorate status" shows alarms, and etcdctl disarms the one of a quota that was exceeded',
  check: 'use "quorate status"',
  'move-leader': 'there is no such command yet; a replica that gets SIGTERM hands leadership over',
  'make-mirror': 'use "quorate copy", which copies once; "quorate watch" shows what comes after',
  hashkv: 'there is no such command yet',
  migrate: 'use "quorate copy" to come from etcd',
  backup: 'use "quorate snapshot save"',
  set: 'use "quorate put"',
  rm: 'use "quorate del"',
  ls: 'use "quorate get" with --prefix',
};

export const etcdCommand = (name: string): string | undefined =>
  Object.hasOwn(answers, name) ? answers[name] : undefined;
