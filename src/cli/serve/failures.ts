import { ClientTlsError } from '../../api/client-port.ts';
import { ReplicaError } from '../../replica/index.ts';
import { ListenError } from '../../transport/listen-error.ts';
import { TlsConfigurationError } from '../../transport/tls.ts';
import { CommandFailure, refusedFailure, usageFailure } from '../exit-codes.ts';

/** Why a replica did not start, for people; anything that is not expected of the world is handed back as it is. */
export function startFailure(error: unknown): unknown {
  if (error instanceof CommandFailure) return error;
  if (error instanceof ReplicaError) {
    return error.code === 'CONFIGURATION' ? usageFailure(error.message) : refusedFailure(error.message);
  }
  if (error instanceof TlsConfigurationError) return usageFailure(`peer port: ${error.message}.`);
  if (error instanceof ClientTlsError) return usageFailure(`client port: ${error.message}.`);
  if (error instanceof ListenError)
    return refusedFailure(`client port: ${error.message}. Choose another with --client.`);
  return error;
}
