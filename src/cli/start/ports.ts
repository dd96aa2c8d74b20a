import { createServer } from 'node:net';
import { type Address, formatAddress } from '../config/values.ts';

/** Why nobody could listen at `address`; undefined when one could. */
export function portProblem(address: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = formatAddress(address);
      resolve(error.code === 'EADDRINUSE' ? `${where} is in use` : `${where}: ${error.message}`);
    });
    server.listen(address, () => server.close(() => resolve(undefined)));
  });
}
