import path from 'node:path';
import type { Command } from 'commander';
import { addCommand, configurationOf, type Session } from '../command.ts';
import type { Configuration } from '../config/configuration.ts';
import { settings } from '../config/settings.ts';
import { formatAddress } from '../config/values.ts';
import { refusedFailure } from '../exit-codes.ts';
import {
  type LocalCluster,
  planReplicas,
  type ReplicaPlan,
  recordCluster,
  recordedCluster,
} from '../start/plan.ts';
import { portProblem } from '../start/ports.ts';
import { launcherPath } from '../start/replica-process.ts';
import { Supervisor } from '../start/supervisor.ts';

const scopes = ['start'] as const;

export function addStartCommand(program: Command, session: Session): void {
  addCommand(program, 'start', 'Run a cluster on this machine, to try things or to develop against', scopes)
    .addHelpText(
      'after',
      `
Examples:
  quorate start                          clients on 127.0.0.1:2379, 22379 and 32379
  quorate start --port 5000              clients on 127.0.0.1:5000, 25000 and 35000
  quorate start --replicas 1 --data-dir /tmp/one

Each replica is a process of its own, with its own directory, and every write is synced. Ctrl-C stops them in order;
the next start finds the data again. A replica that ends by itself is started again.`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { dependencies } = session;
      const configuration = configurationOf(command, scopes, session);
      const dataDir = configuration.required(settings.startDataDir);
      const cluster = chooseCluster(configuration, dataDir);
      const plan = planReplicas(cluster, path.resolve(dataDir));
      await refuseTakenPorts(plan);
      recordCluster(dataDir, cluster);
      const supervisor = new Supervisor(
        {
          plan,
          protocol: configuration.required(settings.protocol),
          logLevel: configuration.required(settings.logLevel),
          welcome: welcome(plan, dataDir),
        },
        dependencies,
      );
      session.exitCode = await supervisor.run();
    });
}

/** What the data directory was made with wins over defaults, and must not be contradicted. */
function chooseCluster(configuration: Configuration, dataDir: string): LocalCluster {
  const asked: LocalCluster = {
    port: configuration.required(settings.port),
    replicas: Number(configuration.required(settings.replicas)),
  };
  const recorded = recordedCluster(dataDir);
  if (recorded === undefined) return asked;
  // A port that is wrong in itself is said to be so, whatever the directory was made with.
  if (configuration.isChosen(settings.port) && asked.port !== recorded.port) planReplicas(asked, dataDir);
  for (const [setting, wanted, found] of [
    [settings.port, asked.port, recorded.port],
    [settings.replicas, asked.replicas, recorded.replicas],
  ] as const) {
    if (configuration.isChosen(setting) && wanted !== found) {
      throw refusedFailure(
        `the cluster in ${dataDir} was made with --${setting.name} ${found} and cannot change to ${wanted}: leave --${setting.name} out, or give another --data-dir. Nothing was started.`,
      );
    }
  }
  return recorded;
}

async function refuseTakenPorts(plan: readonly ReplicaPlan[]): Promise<void> {
  const problems = await Promise.all(
    plan.flatMap((replica) => [replica.client, replica.peer]).map(portProblem),
  );
  const taken = problems.filter((problem) => problem !== undefined);
  if (taken.length === 0) return;
  throw refusedFailure(
    `${taken.join('; ')}. Is a cluster running already? Stop what listens there, or choose other ports with --port (and another --data-dir). Nothing was started.`,
  );
}

function welcome(plan: readonly ReplicaPlan[], dataDir: string): string {
  const endpoints = plan.map((replica) => formatAddress(replica.client));
  const isDefault = settings.endpoints.default?.startsWith(endpoints.join(',')) === true;
  const ours = `${commandName()} get greeting${isDefault ? '' : ` --endpoints ${endpoints.join(',')}`}`;
  return `
Ready: ${plan.length} replica${plan.length === 1 ? '' : 's'} serving ${endpoints.join(', ')}, data under ${dataDir}. Try:

  ETCDCTL_API=3 etcdctl --endpoints ${endpoints.join(',')} put greeting hello
  curl -s http://${endpoints[0]}/v3/kv/range -d '{"key":"Z3JlZXRpbmc="}'
  ${ours}

Ctrl-C stops.
`;
}

/** How to call this program from here. */
function commandName(): string {
  if (launcherPath.split(path.sep).includes('node_modules')) return 'npx quorate';
  return path.relative(process.cwd(), launcherPath);
}
