import { ListenError } from '../../api/client-port.ts';
import { ReplicaError } from '../../replica/index.ts';
import { TlsConfigurationError } from '../../transport/tls.ts';
import { CommandFailure, refusedFailure, usageFailure } from '../exit-codes.ts';

/** Why a replica did not start, for people; anything that is not expected of the world is handed back as it is. */
export function startFailure(error: unknown): unknown {
  if (error instanceof CommandFailure) return error;
  if (error instanceof ReplicaError) {
    return error.code === 'CONFIGURATION' ? usageFailure(error.message) : refusedFailure(error.message);
  }
  if (error instanceof TlsConfigurationError) return usageFailure(`peer port: ${error.message}.`);
  if (error instanceof ListenError) {
    if (error.code === 'TLS_INVALID') return usageFailure(`client port: ${error.message}.`);
    return refusedFailure(`client port: ${error.message}: choose another with --client, or free it.`);
  }
  return error;
}
